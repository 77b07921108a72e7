package outside_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
	"github.com/r1ctl/r1ctl/internal/verify/reward/outside"
)

func TestFunction(t *testing.T) {
	none := math.NaN()
	cases := map[string]struct {
		function string
		rows     string // one a line
		want     []float64
	}{
		"rewards, and what it prints": {"brevity", `{"completion": ""}` + "\n" + `{"completion": "abc"}`, []float64{1, 0.25}},
		"called as TRL does":          {"columns", `{"id": "a", "prompt": "2+5?", "completion": "7", "gold": "7"}` + "\n" + `{"completion": "7"}`, []float64{1, 0}},
		"without **kwargs":            {"few", `{"completion": "", "gold": 7}`, []float64{0.5}},
		"asynchronous":                {"slowly", `{"completion": ""}`, []float64{2}},
		"None, NaN and infinity":      {"some", `{"response": "none"}` + "\n" + `{"response": "nan"}` + "\n" + `{"response": "inf"}` + "\n" + `{"response": "3"}`, []float64{none, none, none, 3}},
		"chat messages":               {"messages", `{"completion": [{"role": "assistant", "content": "4"}]}`, []float64{4}},
		"no secrets, no stdin":        {"secrets", `{"completion": ""}` + "\n" + `{"completion": ""}`, []float64{0, 1}},
	}
	t.Setenv("MY_SECRET", "x")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := function(t, c.function, 60)
			if err := f.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			check(t, f.Score(t.Context(), parse(t, c.rows)), c.want)
		})
	}
}

// Whatever one call does, it gives unknown rewards, and the next call works.
func TestFunctionTrouble(t *testing.T) {
	f := function(t, "bad", 2)
	total := 0
	for _, c := range []struct{ completion, reason string }{
		{"raise", outside.ReasonError}, {"exit", outside.ReasonCrash}, {"short", outside.ReasonError},
		{"text", outside.ReasonError}, {"flood", outside.ReasonMalformed}, {"hang", outside.ReasonTimeout},
	} {
		items := parse(t, `{"completion": "`+c.completion+`"}`+"\n"+`{"completion": "x"}`)
		for _, v := range f.Score(t.Context(), items) {
			if v.Known || v.Reason != c.reason {
				t.Errorf("%s: got %+v, want unknown by %s", c.completion, v, c.reason)
			}
			total++
		}
		check(t, f.Score(t.Context(), items[1:]), []float64{1})
	}
	counted := 0
	for _, n := range f.Counts() {
		counted += n
	}
	if counted != total {
		t.Errorf("counted %d of %d unknown rewards: %v", counted, total, f.Counts())
	}
}

func TestFunctionThatCannotStart(t *testing.T) {
	for name, want := range map[string]string{
		"missing": "AttributeError", "constant": "TypeError", "../mine": "AttributeError",
	} {
		f := function(t, name, 10)
		e, ok := r1.AsError(f.Start(t.Context()))
		if !ok || e.Name != "reward-function" || !strings.Contains(e.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, e, want)
		}
		check(t, f.Score(t.Context(), parse(t, `{"completion": ""}`)), []float64{math.NaN()})
	}
	f := outside.NewFunction(reward.Params{reward.Python: "mine.rewards:few", reward.Timeout: 1.0}, outside.Options{Python: "/nowhere/python"})
	defer f.Close()
	if f.Start(t.Context()) == nil {
		t.Error("started without a Python")
	}
}

func function(t *testing.T, name string, seconds float64) *outside.Function {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking.Skip(t, "no python3 on the PATH")
	}
	var log bytes.Buffer
	f := outside.NewFunction(reward.Params{reward.Python: "mine.rewards:" + name, reward.Timeout: seconds}, outside.Options{
		Python: python, Dir: "testdata", Environ: childenv.Clean("PYTHONDONTWRITEBYTECODE=1"), Log: &log,
	})
	t.Cleanup(func() {
		f.Close()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return f
}

func TestEndpoint(t *testing.T) {
	const rows = `{"id": 1, "prompt": "2+5?", "response": "7", "gold": "7"}` + "\n" + `{"id": 2, "completion": "8"}`
	none := math.NaN()
	cases := map[string]struct {
		answer func(w http.ResponseWriter, call int)
		want   []float64
		reason string
		calls  int
	}{
		"rewards": {say(200, `{"rewards": [1.5, null]}`), []float64{1.5, none}, outside.ReasonNone, 1},
		"down for once": {func(w http.ResponseWriter, n int) {
			say(map[bool]int{true: 503, false: 200}[n == 1], `{"rewards": [1, 2]}`)(w, n)
		}, []float64{1, 2}, "", 2},
		"refused":         {say(400, `{"rewards": [1, 2]}`), []float64{none, none}, outside.ReasonRefused, 1},
		"too few":         {say(200, `{"rewards": [1]}`), []float64{none, none}, outside.ReasonMalformed, 1},
		"text":            {say(200, `{"rewards": ["1", 2]}`), []float64{none, 2}, outside.ReasonMalformed, 1},
		"not JSON":        {say(200, `<html>`), []float64{none, none}, outside.ReasonMalformed, 1},
		"too large":       {say(200, `{"rewards": [1, 2], "x": "`+strings.Repeat("x", 1<<17)+`"}`), []float64{none, none}, outside.ReasonMalformed, 1},
		"another's shape": {say(200, `[1, 2]`), []float64{none, none}, outside.ReasonMalformed, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				raw, _ := io.ReadAll(r.Body)
				var body struct{ Items []map[string]any }
				if err := json.Unmarshal(raw, &body); err != nil || len(body.Items) != 2 || body.Items[0]["completion"] != "7" || body.Items[0]["gold"] != "7" {
					t.Errorf("got the request %s", raw)
				}
				c.answer(w, int(calls.Add(1)))
			}))
			defer server.Close()
			e := outside.NewEndpoint(reward.Params{reward.URL: server.URL, reward.Timeout: 30.0})
			got := e.Score(t.Context(), parse(t, rows))
			check(t, got, c.want)
			for _, v := range got {
				if !v.Known && v.Reason != c.reason {
					t.Errorf("unknown by %s, want %s", v.Reason, c.reason)
				}
			}
			if int(calls.Load()) != c.calls {
				t.Errorf("asked %d times, want %d", calls.Load(), c.calls)
			}
		})
	}
	t.Run("outage", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		e := outside.NewEndpoint(reward.Params{reward.URL: server.URL, reward.Timeout: 0.5})
		check(t, e.Score(t.Context(), parse(t, rows)), []float64{none, none})
		if n := e.Counts()[outside.ReasonTimeout] + e.Counts()[outside.ReasonOutage]; n != 2 {
			t.Errorf("counted %v, want 2", e.Counts())
		}
	})
	t.Run("silence", func(t *testing.T) {
		over := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
		defer server.Close()
		defer close(over)
		e := outside.NewEndpoint(reward.Params{reward.URL: server.URL, reward.Timeout: 0.2})
		check(t, e.Score(t.Context(), parse(t, rows)), []float64{none, none})
	})
}

// Whoever gives up a call leaves no process behind, nor one that the function made.
func TestFunctionIsGivenUp(t *testing.T) {
	f := function(t, "spawn", 60)
	note := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan []reward.Value)
	go func() { done <- f.Score(ctx, parse(t, `{"completion": "", "note": "`+note+`"}`)) }()
	var pid string
	for pid == "" {
		time.Sleep(10 * time.Millisecond)
		raw, _ := os.ReadFile(note)
		pid = string(raw)
	}
	if !alive(pid) {
		t.Fatal("the function's own process is not there")
	}
	cancel()
	for _, v := range <-done {
		if v.Known || v.Reason != outside.ReasonCancelled {
			t.Errorf("got %+v, want unknown by %s", v, outside.ReasonCancelled)
		}
	}
	for alive(pid) { // the kill has been sent; the test's own deadline bounds this
		time.Sleep(10 * time.Millisecond)
	}
}

// alive says whether a process runs; one that only waits to be reaped does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func say(status int, body string) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func parse(t *testing.T, lines string) []reward.Item {
	t.Helper()
	var items []reward.Item
	for line := range strings.Lines(lines) {
		it, err := reward.ParseRow([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
	return items
}

// check compares rewards with numbers; NaN is unknown.
func check(t *testing.T, got []reward.Value, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d rewards, want %d", len(got), len(want))
	}
	for i, v := range got {
		if v.Known == math.IsNaN(want[i]) || v.Known && v.Reward != want[i] || !v.Known && v.Reason == "" {
			t.Errorf("%d: got %+v, want %v", i, v, want[i])
		}
	}
}
