package pool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/pool"
)

// scripted makes a pool of testdata/scripted/r1trainer/judges.py, and makes sure
// that nothing is left of it.
func scripted(t *testing.T, o pool.Options) *pool.Pool {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking.Skip(t, "there is no python3")
	}
	source, err := filepath.Abs("testdata/scripted")
	if err != nil {
		t.Fatal(err)
	}
	o.Python = python
	o.Environ = append(o.Environ, "PATH="+os.Getenv("PATH"), "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1")
	return watched(t, o)
}

// watched makes a pool whose processes must be gone after the test.
func watched(t *testing.T, o pool.Options) *pool.Pool {
	t.Helper()
	mark := fmt.Sprintf("%s-%d-%d", t.Name(), os.Getpid(), time.Now().UnixNano())
	o.Environ = append(o.Environ, "POOL_TEST="+mark)
	p := pool.New(o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if left := procstat.Marked("POOL_TEST", mark); len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
		if r := p.Maths(context.Background(), pool.Maths{Gold: "1", Answer: "1"}); r.Reason != pool.ReasonUnavailable {
			t.Errorf("a closed pool answers %+v", r)
		}
	})
	return p
}

func order(what, answer string) pool.Puzzle {
	return pool.Puzzle{Family: what, Entry: json.RawMessage("{}"), Answer: answer}
}

func ask(t *testing.T, p *pool.Pool, what, answer string) pool.Result {
	t.Helper()
	return p.Puzzle(t.Context(), order(what, answer))
}

// Whatever a process does costs its item, which is unverified, and no other.
func TestTroubleCostsItsItemOnly(t *testing.T) {
	for what, reason := range map[string]string{
		"hang": pool.ReasonTimeout, "flood": pool.ReasonCrash, "kill": pool.ReasonCrash, "exit": pool.ReasonCrash,
		"garbage": pool.ReasonCrash, "stranger": pool.ReasonCrash, "twice": pool.ReasonCrash, "no-label": pool.ReasonCrash,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			o := pool.Options{Workers: 1}
			if what == "hang" {
				o.Deadline = 2 * time.Second
			}
			p := scripted(t, o)
			for range 2 {
				if r := ask(t, p, "echo", "before"); r.Label != r1.Correct || r.Answer != "before" {
					t.Fatalf("before: %+v", r)
				}
				if r := ask(t, p, what, ""); r.Label != r1.Unverified || r.Reason != reason || r.Version != "scripted/puzzle" {
					t.Errorf("got %+v, want unverified (%s)", r, reason)
				}
				if r := ask(t, p, "echo", "after"); r.Label != r1.Correct || r.Answer != "after" || r.Version != "scripted/2" {
					t.Errorf("after: %+v", r)
				}
			}
		})
	}
}

func TestWhatAProcessPrintsIsNoReply(t *testing.T) {
	var log bytes.Buffer
	p := scripted(t, pool.Options{Workers: 1, Log: &log})
	if r := ask(t, p, "forge", ""); r.Label != r1.Wrong {
		t.Errorf("a printed line was taken for a reply: %+v", r)
	}
	_ = p.Close()
	if !strings.Contains(log.String(), `"correct"`) {
		t.Errorf("the log lacks what was printed: %q", log.String())
	}
}

func TestScores(t *testing.T) {
	p := scripted(t, pool.Options{Workers: 1})
	if r := ask(t, p, "score", ""); r.Label != r1.Wrong || r.Reason != "near" || r.Score == nil || *r.Score != 0.25 {
		t.Errorf("got %+v", r)
	}
	r := p.Puzzle(t.Context(), pool.Puzzle{Family: "echo", Entry: json.RawMessage("{")})
	if r.Label != r1.Unverified || r.Reason != pool.ReasonMalformed {
		t.Errorf("an entry that is no JSON: %+v", r)
	}
}

func TestAProcessKilledFromOutside(t *testing.T) {
	p := scripted(t, pool.Options{Workers: 1, Deadline: time.Minute})
	pid, err := strconv.Atoi(strings.Fields(ask(t, p, "pid", "").Answer)[0])
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan pool.Result)
	go func() { result <- p.Puzzle(context.Background(), order("hang", "")) }()
	for len(children(t, pid)) == 0 { // its child shows that it is at the item
		time.Sleep(5 * time.Millisecond)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-result; r.Label != r1.Unverified || r.Reason != pool.ReasonCrash {
		t.Errorf("got %+v", r)
	}
	if r := ask(t, p, "echo", "on"); r.Label != r1.Correct {
		t.Errorf("after: %+v", r)
	}
}

func children(t *testing.T, pid int) string {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

func TestProcessesAreRecycled(t *testing.T) {
	p := scripted(t, pool.Options{Workers: 1, Recycle: 3})
	var pids []string
	for i := range 7 {
		pid, judged, _ := strings.Cut(ask(t, p, "pid", "").Answer, " ")
		if want := strconv.Itoa(i%3 + 1); judged != want {
			t.Errorf("item %d is number %s of its process, want %s", i, judged, want)
		}
		if len(pids) == 0 || pids[len(pids)-1] != pid {
			pids = append(pids, pid)
		}
	}
	if len(pids) != 3 {
		t.Errorf("processes %v, want 3", pids)
	}
}

func TestManyAtOnce(t *testing.T) {
	p := scripted(t, pool.Options{Workers: 3})
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			want := fmt.Sprint("item ", i)
			if i%50 == 49 {
				if r := ask(t, p, "kill", want); r.Label != r1.Unverified {
					t.Errorf("got %+v", r)
				}
				return
			}
			if r := ask(t, p, "echo", want); r.Label != r1.Correct || r.Answer != want {
				t.Errorf("got %+v, want the answer %q", r, want)
			}
		})
	}
	wg.Wait()
}

func TestACallerThatGoesAwayLeavesTheProcess(t *testing.T) {
	p := scripted(t, pool.Options{Workers: 1, Deadline: 2 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := p.Puzzle(ctx, order("echo", "")); r.Label != r1.Unverified && r.Label != r1.Correct {
		t.Errorf("got %+v", r)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := p.Puzzle(ctx, order("hang", "")); r.Label != r1.Unverified || r.Reason != pool.ReasonCancelled {
		t.Errorf("got %+v", r)
	}
	if r := ask(t, p, "echo", "next"); r.Answer != "next" {
		t.Errorf("got %+v", r)
	}
}

func TestCloseDoesNotWaitForItems(t *testing.T) {
	p := scripted(t, pool.Options{Workers: 1, Deadline: time.Hour})
	pid, _, _ := strings.Cut(ask(t, p, "pid", "").Answer, " ")
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan pool.Result)
	go func() { result <- p.Puzzle(context.Background(), order("hang", "")) }()
	for len(children(t, n)) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if r := <-result; r.Label != r1.Unverified || r.Reason != pool.ReasonUnavailable {
		t.Errorf("got %+v", r)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	p := scripted(t, pool.Options{Workers: 1})
	for name, want := range map[string]string{"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "AWS_SECRET_ACCESS_KEY": "unset"} {
		if r := ask(t, p, "environment", name); r.Answer != want {
			t.Errorf("%s is %q, want %q", name, r.Answer, want)
		}
	}
}

func TestNothingToStart(t *testing.T) {
	missing := watched(t, pool.Options{Python: "/no/such/python", Environ: []string{"A=b"}, Workers: 2})
	broken := scripted(t, pool.Options{Workers: 2, Environ: []string{"SCRIPTED_BROKEN=1"}})
	for name, p := range map[string]*pool.Pool{"no python": missing, "no library": broken} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				if r := ask(t, p, "echo", ""); r.Label != r1.Unverified || r.Reason != pool.ReasonUnavailable {
					t.Errorf("got %+v", r)
				}
			}
			err := p.Start(t.Context())
			if e, ok := r1.AsError(err); !ok || e.Name != "verifier-workers" || e.Remedy == "" {
				t.Errorf("Start says %v", err)
			}
		})
	}
}

func TestStart(t *testing.T) {
	p := scripted(t, pool.Options{Workers: 3})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := p.Maths(t.Context(), pool.Maths{Gold: "1", Answer: "one"}); r.Label != r1.Correct || r.Answer != "one" {
		t.Errorf("got %+v", r)
	}
}
