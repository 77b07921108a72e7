package launchtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Factory is what the suite needs of a launcher under test.
type Factory struct {
	// Open gives a new instance over the same place as all others of this
	// Factory: what a restarted worker has.
	Open func(t *testing.T) r1.Launcher
	// Other is a program that opens one more instance over the same place, calls
	// Submit of this package with it, and exits with what that returns.
	Other func(t *testing.T) *exec.Cmd
	// Kill ends the attempt's process with SIGKILL, behind the launcher's back.
	Kill func(t *testing.T, h r1.Handle)
	// Down makes the scheduler unreachable until up is called; attempts go on.
	Down func(t *testing.T) (up func())
	// Provoke makes a running attempt end with an outcome, as the world would:
	// one entry for every outcome of Capabilities.Outcomes but Rejected.
	Provoke map[r1.Outcome]func(t *testing.T, h r1.Handle)
	// Refusing gives an instance whose launches the scheduler refuses, where
	// Capabilities.Outcomes has Rejected.
	Refusing func(t *testing.T) r1.Launcher
	// Patience bounds every wait; no case depends on how long things take. Default 30 s.
	Patience time.Duration
}

const defaultPatience = 30 * time.Second

// Run runs the suite. newFactory is called once a case.
func Run(t *testing.T, newFactory func(t *testing.T) Factory) {
	cases := map[string]func(t *testing.T, s *stage){
		"capabilities":                          capabilities,
		"success":                               success,
		"exit code":                             exitCode,
		"submit again returns the same attempt": submitAgain,
		"submit at once from two instances":     submitAtOnce,
		"submit at once from many processes":    submitFromProcesses,
		"submit after the end starts nothing":   submitAfterEnd,
		"submit cut off is made whole":          submitCutOff,
		"crash between submit and record":       crashAfterSubmit,
		"adopt after restart":                   adopt,
		"stop":                                  stop,
		"stop of a deaf program kills it":       stopDeaf,
		"a later stop may shorten the time":     stopSooner,
		"stop twice":                            stopTwice,
		"stop after the end changes nothing":    stopAfterEnd,
		"stop before start":                     stopBeforeStart,
		"signal":                                signalled,
		"killed without a word":                 killed,
		"out of memory":                         provoked(r1.OutOfMemory),
		"walltime over":                         provoked(r1.TimedOut),
		"preempted":                             provoked(r1.Preempted),
		"node lost":                             provoked(r1.NodeLost),
		"rejected":                              rejected,
		"scheduler down":                        schedulerDown,
		"logs by offset":                        logs,
		"terminal state long after":             longAfter,
		"unknown key":                           unknown,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stage{f: newFactory(t), dir: t.TempDir(), key: newKey()}
			if s.f.Patience == 0 {
				s.f.Patience = defaultPatience
			}
			var cancel context.CancelFunc
			s.ctx, cancel = context.WithTimeout(context.Background(), s.f.Patience)
			t.Cleanup(cancel)
			run(t, s)
		})
	}
}

// stage is one case's place: one attempt, its script, and who may touch it.
type stage struct {
	ctx context.Context
	f   Factory
	dir string
	key r1.AttemptKey
}

// newKey is a key that no other case has, also over a place that is shared.
func newKey() r1.AttemptKey {
	return r1.JobKey{Run: "suite-" + strings.ToLower(rand.Text()[:8]), Stage: "zero", Job: "phase-01"}.Attempt(1)
}

// launch writes the script and gives the launch that plays it. Whatever it
// starts is gone when the case ends.
func (s *stage) launch(t *testing.T, sc Script) r1.Launch {
	t.Helper()
	raw, err := json.Marshal(sc)
	must(t, err)
	spec := filepath.Join(s.dir, "script.json")
	must(t, os.WriteFile(spec, raw, 0o600))
	l := s.f.Open(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.f.Patience)
		defer cancel()
		h, err := l.Find(ctx, s.key)
		if errors.Is(err, r1.ErrNotFound) {
			return
		}
		must(t, err)
		must(t, l.Stop(ctx, h, 0))
		await(t, ctx, l, h, r1.StateEnded)
	})
	return r1.Launch{Key: s.key, Bucket: "bucket", SpecKey: spec, Notice: time.Second}
}

// starts is how many processes ever ran the script.
func (s *stage) starts(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, startsFile))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	must(t, err)
	return bytes.Count(raw, []byte("\n"))
}

// awaitStart waits until the script runs, so that it can hear signals.
func (s *stage) awaitStart(t *testing.T) {
	t.Helper()
	for s.starts(t) == 0 {
		if s.ctx.Err() != nil {
			t.Fatal("the script does not start")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// await waits until the attempt is in a state.
func await(t *testing.T, ctx context.Context, l r1.Launcher, h r1.Handle, want r1.State) r1.Status {
	t.Helper()
	for {
		st, err := l.Status(ctx, h)
		must(t, err)
		if st.State == want {
			return st
		}
		if st.State == r1.StateEnded || ctx.Err() != nil {
			t.Fatalf("waiting for %q, status is %+v", want, st)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// submit is Submit that must succeed.
func (s *stage) submit(t *testing.T, l r1.Launcher, a r1.Launch) r1.Handle {
	t.Helper()
	h, err := l.Submit(s.ctx, a)
	must(t, err)
	if h.Key != a.Key || h.Launcher != l.Name() {
		t.Fatalf("handle %+v is not for key %s of launcher %s", h, a.Key, l.Name())
	}
	return h
}

// settle is how long a process that should not be there has to show itself.
const settle = 1500 * time.Millisecond

func (s *stage) wantStarts(t *testing.T, want int) {
	t.Helper()
	got := s.starts(t)
	for end := time.Now().Add(settle); got == want && time.Now().Before(end); got = s.starts(t) {
		time.Sleep(settle / 30)
	}
	if got != want {
		t.Errorf("the program was started %d times, want %d", got, want)
	}
}

func wantOutcome(t *testing.T, st r1.Status, want r1.Outcome) {
	t.Helper()
	if st.Outcome != want {
		t.Errorf("outcome %q, want %q; status %+v", st.Outcome, want, st)
	}
}

// inParallel calls fn n times at once.
func inParallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func readLog(t *testing.T, ctx context.Context, l r1.Launcher, h r1.Handle, offset int64) string {
	t.Helper()
	r, err := l.Logs(ctx, h, offset)
	must(t, err)
	defer r.Close()
	raw, err := io.ReadAll(r)
	must(t, err)
	return string(raw)
}

func wantIn(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s is %q, want it to hold %q", what, text, part)
	}
}
