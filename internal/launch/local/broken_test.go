package local

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/launchtest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// breakEnv names how TestBrokenLauncher breaks the launcher, in a process of its own.
const breakEnv = "R1CTL_TEST_BREAK"

// broken is the local launcher with one thing done wrongly.
type broken struct {
	r1.Launcher
	t  *testing.T
	do breakage
}

// breakage replaces methods; what is nil stays as it is.
type breakage struct {
	submit func(b broken, ctx context.Context, a r1.Launch) (r1.Handle, error)
	find   func(b broken, ctx context.Context, key r1.AttemptKey) (r1.Handle, error)
	status func(st r1.Status, err error) (r1.Status, error)
	stop   func(b broken, ctx context.Context, h r1.Handle, grace time.Duration) error
	logs   func(b broken, ctx context.Context, h r1.Handle) (io.ReadCloser, error)
	fails  []string // the cases of the suite that must fail
}

var doubles atomic.Int64

func breakages() map[string]breakage {
	return map[string]breakage{
		"starts a process at every submit": {
			submit: func(b broken, ctx context.Context, a r1.Launch) (r1.Handle, error) {
				double := a
				double.Key.Attempt += int(doubles.Add(1))
				h, err := b.Launcher.Submit(ctx, double)
				if err != nil {
					return h, err
				}
				b.t.Cleanup(func() { // of the case's process tree nothing stays
					must(b.t, b.Launcher.Stop(context.Background(), h, 0))
					ended(b.t, b.Launcher.(*Launcher), h)
				})
				return b.Launcher.Submit(ctx, a)
			},
			fails: []string{"submit again returns the same attempt", "submit after the end starts nothing", "submit at once from two instances", "crash between submit and record", "node lost", "killed without a word"},
		},
		"takes silence for the end": {
			status: func(st r1.Status, err error) (r1.Status, error) {
				if err != nil || st.State == r1.StateUnknown {
					return r1.Status{State: r1.StateEnded, Outcome: r1.NodeLost, Reason: "a guess"}, nil
				}
				return st, nil
			},
			fails: []string{"scheduler down", "unknown key"},
		},
		"takes silence for absence": {
			find: func(b broken, ctx context.Context, key r1.AttemptKey) (r1.Handle, error) {
				h, err := b.Launcher.Find(ctx, key)
				if err != nil {
					err = r1.ErrNotFound
				}
				return h, err
			},
			fails: []string{"scheduler down"},
		},
		"finds what was never there": {
			find: func(_ broken, _ context.Context, key r1.AttemptKey) (r1.Handle, error) {
				return r1.Handle{Launcher: Name, Key: key}, nil
			},
			fails: []string{"unknown key"},
		},
		"loses exit codes": {
			status: func(st r1.Status, err error) (r1.Status, error) { st.ExitCode = 0; return st, err },
			fails:  []string{"exit code", "stop", "submit after the end starts nothing", "signal"},
		},
		"knows one failure only": {
			status: func(st r1.Status, err error) (r1.Status, error) {
				if st.State == r1.StateEnded {
					st.Outcome = r1.Failed
				}
				return st, err
			},
			fails: []string{"success", "stop", "preempted", "node lost", "rejected", "stop before start"},
		},
		"forgets the dead": {
			status: func(st r1.Status, err error) (r1.Status, error) {
				if st.State == r1.StateEnded {
					return r1.Status{}, r1.ErrNotFound
				}
				return st, err
			},
			fails: []string{"terminal state long after", "success"},
		},
		"says nothing of reasons": {
			status: func(st r1.Status, err error) (r1.Status, error) { st.Reason = ""; return st, err },
			fails:  []string{"preempted", "node lost", "rejected", "signal", "killed without a word"},
		},
		"does not stop": {
			stop:  func(broken, context.Context, r1.Handle, time.Duration) error { return nil },
			fails: []string{"stop before start"},
		},
		"stops once": {
			stop: func(b broken, ctx context.Context, h r1.Handle, grace time.Duration) error {
				if st, err := b.Status(ctx, h); err == nil && (st.State == r1.StateEnded || st.Reason != "") {
					return os.ErrProcessDone
				}
				return b.Launcher.Stop(ctx, h, grace)
			},
			fails: []string{"stop twice", "stop after the end changes nothing"},
		},
		"reads logs from their beginning": {
			logs: func(b broken, ctx context.Context, h r1.Handle) (io.ReadCloser, error) {
				return b.Launcher.Logs(ctx, h, 0)
			},
			fails: []string{"logs by offset"},
		},
	}
}

func (b broken) Submit(ctx context.Context, a r1.Launch) (r1.Handle, error) {
	if b.do.submit != nil {
		return b.do.submit(b, ctx, a)
	}
	return b.Launcher.Submit(ctx, a)
}

func (b broken) Find(ctx context.Context, key r1.AttemptKey) (r1.Handle, error) {
	if b.do.find != nil {
		return b.do.find(b, ctx, key)
	}
	return b.Launcher.Find(ctx, key)
}

func (b broken) Status(ctx context.Context, h r1.Handle) (r1.Status, error) {
	st, err := b.Launcher.Status(ctx, h)
	if b.do.status != nil {
		return b.do.status(st, err)
	}
	return st, err
}

func (b broken) Stop(ctx context.Context, h r1.Handle, grace time.Duration) error {
	if b.do.stop != nil {
		return b.do.stop(b, ctx, h, grace)
	}
	return b.Launcher.Stop(ctx, h, grace)
}

func (b broken) Logs(ctx context.Context, h r1.Handle, offset int64) (io.ReadCloser, error) {
	if b.do.logs != nil {
		return b.do.logs(b, ctx, h)
	}
	return b.Launcher.Logs(ctx, h, offset)
}

// TestBrokenLauncher is not a test of its own: TestTheSuiteFindsWhatIsBroken runs
// it in another process, where it must fail.
func TestBrokenLauncher(t *testing.T) {
	do, ok := breakages()[os.Getenv(breakEnv)]
	if !ok {
		t.Skip("it is run by TestTheSuiteFindsWhatIsBroken")
	}
	launchtest.Run(t, func(t *testing.T) launchtest.Factory {
		return factory(t, func(l r1.Launcher) r1.Launcher { return broken{l, t, do} })
	})
}

// A suite that a broken launcher passes is worth nothing.
func TestTheSuiteFindsWhatIsBroken(t *testing.T) {
	for name, do := range breakages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cases := strings.ReplaceAll(strings.Join(do.fails, "|"), " ", "_")
			cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^TestBrokenLauncher$/^("+cases+")$")
			cmd.Env = append(os.Environ(), breakEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite passes:\n%s", out)
			}
			for _, c := range do.fails {
				if want := "--- FAIL: TestBrokenLauncher/" + strings.ReplaceAll(c, " ", "_") + " ("; !strings.Contains(string(out), want) {
					t.Errorf("case %q passes", c)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
