package puzzles_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/puzzles"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/trainer"
)

// scripted makes puzzles by testdata/scripted/r1trainer/puzzles.py, and makes
// sure that nothing is left of it.
func scripted(t *testing.T) puzzles.Options {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking.Skip(t, "there is no python3")
	}
	source, err := filepath.Abs("testdata/scripted")
	if err != nil {
		t.Fatal(err)
	}
	mark := t.Name() + t.TempDir()
	t.Cleanup(func() {
		for range 100 { // a process that was killed takes a moment to be gone
			if len(procstat.Marked("PUZZLES_TEST", mark)) == 0 {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Errorf("processes %v are left", procstat.Marked("PUZZLES_TEST", mark))
	})
	return puzzles.Options{Python: python, Environ: []string{
		"PATH=" + os.Getenv("PATH"), "PYTHONPATH=" + source, "PYTHONDONTWRITEBYTECODE=1", "PUZZLES_TEST=" + mark,
	}}
}

func open(t *testing.T, address string, o puzzles.Options) io.ReadCloser {
	t.Helper()
	rows, err := puzzles.Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	body, err := rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = body.Close() })
	return body
}

func lines(t *testing.T, raw []byte) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(string(raw)) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

func TestRows(t *testing.T) {
	o := scripted(t)
	raw, err := io.ReadAll(open(t, "rg://chain_sum?size=50&domain=sums", o))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	if want := `{"id":"48d2c936ba681814","domain":"sums","prompt":"0 + 1 =","gold":"1","verifier":"reasoning-gym","split":"train",` +
		`"verification_info":{"family":"chain_sum","entry":{"question":"0 + 1 =","answer":"1","metadata":{"tag":"<think>"}}}}`; first != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
	if n := len(lines(t, raw)); n != 50 {
		t.Errorf("got %d rows, want 50", n)
	}
	again, err := io.ReadAll(open(t, "rg://chain_sum?size=50&domain=sums", o))
	if err != nil || string(again) != string(raw) {
		t.Errorf("made anew, they differ (%v)", err)
	}
}

func TestSplitsDoNotOverlap(t *testing.T) {
	o := scripted(t)
	seen := map[any]string{}
	for _, split := range []string{puzzles.Train, puzzles.Test} {
		raw, err := io.ReadAll(open(t, "rg://chain_sum?size=60&split="+split, o))
		if err != nil {
			t.Fatal(err)
		}
		rows := lines(t, raw)
		if len(rows) != 60 {
			t.Errorf("%s has %d rows, want 60", split, len(rows))
		}
		for _, row := range rows {
			if row["split"] != split || seen[row["id"]] != "" {
				t.Errorf("%v is in %v, looked for in %s, seen in %q", row["prompt"], row["split"], split, seen[row["id"]])
			}
			seen[row["id"]] = split
		}
	}
}

func TestArguments(t *testing.T) {
	raw, err := io.ReadAll(open(t, `rg://countdown?size=1&seed=7&operators=["%2B"]&max_numbers=3`, scripted(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := `["generate", "countdown", 1, "7", {"max_numbers": 3, "operators": ["+"]}, "0"]`
	if got := lines(t, raw)[0]["prompt"]; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Trouble is an error with a name, and never a dataset that ends early.
func TestTrouble(t *testing.T) {
	o := scripted(t)
	o.Stall = 5 * time.Second
	missing := o
	missing.Python = "/no/such/python"
	for _, c := range []struct {
		what, query string
		o           puzzles.Options
		name, say   string
	}{
		{"settings refused", "seed=2", o, "puzzle-settings", "it refuses"},
		{"crash", "seed=3", o, "puzzles-failed", "ValueError: it broke"},
		{"early end", "seed=4", o, "puzzles-failed", "it ended after 1 of 9 rows"},
		{"killed", "seed=10", o, "puzzles-failed", "signal: killed"},
		{"hang", "seed=5", o, "puzzles-failed", "it made no puzzle for too long"},
		{"no row", "seed=6", o, "puzzles-failed", "it wrote what is no row"},
		{"another verifier", "seed=8", o, "puzzles-failed", "it wrote a row that lacks something"},
		{"too few", "seed=9&split=test", o, "puzzles-too-few", "only 0 of 154 puzzles made belong to the split"},
		{"no python", "seed=1", missing, "puzzles-failed", "/no/such/python"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			_, err := io.ReadAll(open(t, "rg://chain_sum?size=9&"+c.query, c.o))
			e, ok := r1.AsError(err)
			if !ok || e.Name != c.name || e.Remedy == "" || !strings.Contains(e.Error(), c.say) {
				t.Errorf("got %v, want %s with %q", err, c.name, c.say)
			}
		})
	}
}

func TestWhoClosesEarlyLeavesNothing(t *testing.T) {
	for what, address := range map[string]string{"at work": "rg://chain_sum?size=1000000", "at rest": "rg://chain_sum?size=9&seed=5"} {
		t.Run(what, func(t *testing.T) {
			body := open(t, address, scripted(t))
			if _, err := bufio.NewReader(body).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if err := body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheEndOfTheContextEndsReading(t *testing.T) {
	rows, err := puzzles.Open("rg://chain_sum?size=9&seed=5", scripted(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	body, err := rows(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	reader := bufio.NewReader(body)
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := reader.ReadString('\n'); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAWrongAddressIsNotOpened(t *testing.T) {
	_, err := puzzles.Open("rg://chain_sums", puzzles.Options{})
	if e, ok := r1.AsError(err); !ok || e.Name != "puzzle-address-invalid" {
		t.Errorf("got %v", err)
	}
}

// The real library makes what the address says, and says what it refuses.
func TestReasoningGym(t *testing.T) {
	env, ok, err := trainerenv.Find(trainerenv.Options{Source: trainer.Source})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		lacking.Skip(t, "the trainer's environment is not built: make setup")
	}
	source, err := filepath.Abs("../../trainer")
	if err != nil {
		t.Fatal(err)
	}
	o := puzzles.Options{Python: env.Python, Environ: append(env.Environ, "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1")}
	for _, address := range []string{"rg://countdown?size=20&split=test&max_numbers=4&min_numbers=3", "rg://sokoban?size=2"} {
		var made []string
		for range 2 {
			raw, err := io.ReadAll(open(t, address, o))
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, string(raw))
		}
		a, err := puzzles.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if rows := lines(t, []byte(made[0])); len(rows) != a.Size || made[0] != made[1] {
			t.Errorf("%s gives %d rows; equal when made anew: %t", address, len(rows), made[0] == made[1])
		}
	}
	_, err = io.ReadAll(open(t, "rg://countdown?size=2&min_numbers=9&max_numbers=3", o))
	if e, ok := r1.AsError(err); !ok || e.Name != "puzzle-settings" || !strings.Contains(fmt.Sprint(e), "refuses its settings") {
		t.Errorf("got %v", err)
	}
}

// A curate job has all of the rows or fails; what it wrote by then is never uploaded.
func TestThroughCurate(t *testing.T) {
	o := scripted(t)
	run := func(address string) (r1.Funnel, string, error) {
		out := t.TempDir()
		rows, err := puzzles.Open(address, o)
		if err != nil {
			t.Fatal(err)
		}
		funnel, err := curate.Run(t.Context(), curate.Job{
			Params: json.RawMessage(`{"sources": [{"name": "sums", "address": "` + address + `"}], "steps": []}`), OutDir: out,
			Openers: map[string]curate.Opener{"rg": func(context.Context, string) (curate.Source, error) { return curate.Stream(address, rows), nil }},
		})
		return funnel, filepath.Join(out, "data.jsonl"), err
	}
	funnel, data, err := run("rg://chain_sum?size=40")
	if err != nil || funnel.In != 40 || funnel.Kept != 40 {
		t.Fatalf("got %+v, %v", funnel, err)
	}
	raw, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	if row := lines(t, raw)[7]; row["gold"] != "8" || row["verifier"] != "reasoning-gym" || row["verification_info"] == nil {
		t.Errorf("got %v", row)
	}
	_, _, err = run("rg://chain_sum?size=40&seed=3")
	if e, ok := r1.AsError(err); !ok || e.Name != "puzzles-failed" {
		t.Errorf("a maker that crashes: %v", err)
	}
}
