package slurm

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/launchtest"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// bench is a launcher on a real cluster and an attempt to launch with it.
type bench struct {
	cluster
	l      *Launcher
	launch r1.Launch
}

func newBench(t *testing.T, s launchtest.Script) bench {
	t.Helper()
	c := realCluster(t)
	dir, err := os.MkdirTemp(c.dir, "faults-")
	must(t, err)
	raw, err := json.Marshal(s)
	must(t, err)
	spec := filepath.Join(dir, "script.json")
	must(t, os.WriteFile(spec, raw, 0o600))
	b := bench{cluster: c, l: c.open(t, filepath.Join(dir, "attempts")),
		launch: r1.Launch{Key: r1.JobKey{Run: "run", Stage: "zero", Job: "main"}.Attempt(1), Bucket: "bucket", SpecKey: spec, Notice: time.Second}}
	t.Cleanup(func() {
		ctx := context.Background()
		if h, err := b.l.Find(ctx, b.launch.Key); err == nil {
			must(t, b.l.Stop(ctx, h, 0))
			b.await(t, h, r1.StateEnded)
		}
	})
	return b
}

func (b bench) starts(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(b.launch.SpecKey), "starts"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(raw), "\n")
}

// await waits for a state, and bears that it is unknown meanwhile.
func (b bench) await(t *testing.T, h r1.Handle, want r1.State) r1.Status {
	t.Helper()
	for end := time.Now().Add(4 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		st, err := b.l.Status(context.Background(), h)
		must(t, err)
		if st.State == want {
			return st
		}
		if st.State == r1.StateEnded || time.Now().After(end) {
			t.Fatalf("waiting for %q, status is %+v", want, st)
		}
	}
}

func (b bench) begin(t *testing.T) r1.Handle {
	t.Helper()
	h, err := b.l.Submit(context.Background(), b.launch)
	must(t, err)
	for end := time.Now().Add(time.Minute); b.starts(t) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the script does not start")
		}
	}
	return h
}

// The controller takes the job, and its answer is lost: it is stopped while sbatch waits.
func TestSubmissionWithoutAnAnswer(t *testing.T) {
	b := newBench(t, launchtest.Script{Hold: true})
	real := b.l.cfg.Exec
	b.l.cfg.Exec = func(ctx context.Context, stdin string, argv ...string) (Answer, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		return real(ctx, stdin, argv...)
	}
	ctld := b.pid(t, "slurmctld")
	asleep := false
	b.l.cfg.Exec = stopping(b.l.cfg.Exec, func() { asleep = true; must(t, syscall.Kill(ctld, syscall.SIGSTOP)) })
	_, err := b.l.Submit(context.Background(), b.launch)
	must(t, syscall.Kill(ctld, syscall.SIGCONT))
	if err == nil || !asleep {
		t.Fatalf("Submit without an answer: %v, want an error", err)
	}
	if _, named := r1.AsError(err); named {
		t.Errorf("what is not known is told as a refusal: %v", err)
	}
	next := b.open(t, b.l.cfg.Root)
	h, err := next.Submit(context.Background(), b.launch)
	must(t, err)
	b.await(t, h, r1.StateRunning)
	jobs, err := queue(context.Background(), real)
	must(t, err)
	if n := len(jobs[next.name(b.launch.Key)]); n != 1 {
		t.Errorf("%d jobs bear the attempt's name, want the one that was made without a word", n)
	}
}

// stopping calls stop right before sbatch.
func stopping(x Exec, stop func()) Exec {
	return func(ctx context.Context, stdin string, argv ...string) (Answer, error) {
		if argv[0] == "sbatch" {
			stop()
		}
		return x(ctx, stdin, argv...)
	}
}

// Two jobs bear one name, as when an sbatch made its job very late: one begins.
func TestOfTwoJobsOneBegins(t *testing.T) {
	b := newBench(t, launchtest.Script{Hold: true})
	var script string
	var args []string
	real := b.l.cfg.Exec
	b.l.cfg.Exec = func(ctx context.Context, stdin string, argv ...string) (Answer, error) {
		if argv[0] == "sbatch" {
			script, args = stdin, argv
		}
		return real(ctx, stdin, argv...)
	}
	h := b.begin(t)
	a, err := real(context.Background(), script, args...)
	must(t, err)
	late := strings.TrimSpace(a.Stdout)
	var over ending
	for end := time.Now().Add(time.Minute); !final(over.state); time.Sleep(100 * time.Millisecond) {
		if over, err = details(context.Background(), real, late); err != nil || time.Now().After(end) {
			t.Fatalf("the second job: %+v, %v", over, err)
		}
	}
	if over.state != "COMPLETED" || b.starts(t) != 1 {
		t.Errorf("the second job is %s, and the program was started %d times", over.state, b.starts(t))
	}
	if st := b.await(t, h, r1.StateRunning); st.ID == "job "+late {
		t.Errorf("the attempt is taken for the second job: %+v", st)
	}
}

// The attempt goes on and ends while the controller is away for a minute.
func TestAMinuteWithoutAController(t *testing.T) {
	b := newBench(t, launchtest.Script{Hold: true})
	h := b.begin(t)
	ctld := b.pid(t, "slurmctld")
	must(t, syscall.Kill(ctld, syscall.SIGSTOP))
	awake := time.Now().Add(time.Minute)
	t.Cleanup(func() { _ = syscall.Kill(ctld, syscall.SIGCONT) })
	must(t, syscall.Kill(b.started(t, b.l, h).PID, syscall.SIGTERM))
	for asked := 0; time.Now().Before(awake) || asked < 2; asked++ {
		st, err := b.l.Status(context.Background(), h)
		if err != nil || st.State != r1.StateUnknown || st.Reason == "" {
			t.Fatalf("without a controller: %+v, %v; want unknown and why", st, err)
		}
	}
	must(t, syscall.Kill(ctld, syscall.SIGCONT))
	if st := b.await(t, h, r1.StateEnded); st.Outcome != r1.Preempted || st.ExitCode != 143 {
		t.Errorf("%+v, want what really happened: a SIGTERM that was not ours", st)
	}
}

// A controller that crashes forgets the jobs of its last seconds, and ends what nodes tell it of them.
func TestAForgetfulController(t *testing.T) {
	b := newBench(t, launchtest.Script{Hold: true})
	h := b.begin(t)
	pid := b.started(t, b.l, h).PID
	must(t, syscall.Kill(b.pid(t, "slurmctld"), syscall.SIGKILL))
	b.up(t)
	jobs, err := queue(context.Background(), b.l.cfg.Exec)
	must(t, err)
	if len(jobs[b.l.name(b.launch.Key)]) > 0 {
		t.Skip("the controller had saved the job before it was killed")
	}
	if st := b.await(t, h, r1.StateEnded); st.Outcome != r1.NodeLost {
		t.Errorf("%+v, want node-lost", st)
	}
	awaitDeath(t, pid)
}

// The process of an attempt whose node was lost ends itself: nobody else can reach it.
func TestWhatANodeLostLeavesEndsItself(t *testing.T) {
	b := newBench(t, launchtest.Script{Deaf: true})
	h := b.begin(t)
	pid := b.started(t, b.l, h).PID
	b.loseNode(t, b.l, h)
	st := b.await(t, h, r1.StateEnded)
	if st.Outcome != r1.NodeLost {
		t.Errorf("%+v, want node-lost", st)
	}
	awaitDeath(t, pid)
}

func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if st, err := procstat.Read(pid); err != nil || st.Zombie {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d of an attempt that is over lives on", pid)
		}
	}
}

// A program that does not hear the notice is ended at its walltime.
func TestWalltimeOfADeafProgram(t *testing.T) {
	b := newBench(t, launchtest.Script{Deaf: true})
	b.launch.Walltime = time.Minute
	if st := b.await(t, b.begin(t), r1.StateEnded); st.Outcome != r1.TimedOut || !strings.Contains(st.Reason, "TIMEOUT") {
		t.Errorf("%+v, want timed-out by Slurm's own word", st)
	}
}

// A job that waits for a place says so, and is cancelled before it began.
func TestPending(t *testing.T) {
	b := newBench(t, launchtest.Script{})
	b.l.cfg.Queue.Args = []string{"--begin=now+1hour"}
	ctx := context.Background()
	h, err := b.l.Submit(ctx, b.launch)
	must(t, err)
	if st := b.await(t, h, r1.StatePending); st.Reason == "" || !strings.HasPrefix(st.ID, "job ") {
		t.Errorf("pending: %+v, want the number and the reason", st)
	}
	must(t, b.l.Stop(ctx, h, time.Minute))
	if st := b.await(t, h, r1.StateEnded); st.Outcome != r1.Stopped || b.starts(t) != 0 {
		t.Errorf("%+v after %d starts, want stopped before it began", st, b.starts(t))
	}
}

// What only the submitter may see reaches neither the job nor the scheduler's files; what
// is passed on reaches the job alone.
func TestSecrets(t *testing.T) {
	b := newBench(t, launchtest.Script{})
	t.Setenv("R1CTL_TEST_SECRET", "hidden-secret")
	t.Setenv("R1CTL_TEST_PASSED", "passed-secret")
	b.launch.Pass = []string{"R1CTL_TEST_PASSED"}
	b.l.cfg.Command = []string{"sh", "-c", "env; sleep 5", "sh"}
	h, err := b.l.Submit(context.Background(), b.launch)
	must(t, err)
	b.await(t, h, r1.StateRunning)
	kept := ""
	must(t, filepath.WalkDir(filepath.Join(b.dir, "state"), func(path string, _ os.DirEntry, _ error) error {
		if raw, err := os.ReadFile(path); err == nil {
			kept += string(raw)
		}
		return nil
	}))
	if strings.Contains(kept, "-secret") || !strings.Contains(kept, attemptEnv) {
		t.Error("a secret is in the scheduler's own files, or these could not be read")
	}
	b.await(t, h, r1.StateEnded)
	dir, err := b.l.open(h)
	must(t, err)
	logs, err := filepath.Glob(filepath.Join(dir, "slurm-*.log"))
	must(t, err)
	text, err := os.ReadFile(logs[0])
	must(t, err)
	if strings.Contains(string(text), "hidden-secret") || !strings.Contains(string(text), "R1CTL_TEST_PASSED=passed-secret") {
		t.Error("the job sees what it must not, or not what it must")
	}
}

// The controller has forgotten the job (MinJobAge) before anybody looked: the completion log, or the
// attempt's own record where the cluster keeps none, says how it ended.
func TestAfterTheControllerForgot(t *testing.T) {
	for name, c := range map[string]struct {
		script launchtest.Script
		want   r1.Outcome
		code   int
	}{
		"success":   {launchtest.Script{}, r1.Succeeded, 0},
		"exit code": {launchtest.Script{Exit: 3}, r1.Failed, 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.script)
			if age := b.run(t, "scontrol", "show", "config"); !strings.Contains(age, "MinJobAge               = 5 sec") {
				t.Skip("this cluster remembers jobs for long: R1CTL_SLURM_MIN_JOB_AGE=5 deploy/slurm/up.sh")
			}
			h := b.begin(t)
			name := b.l.name(b.launch.Key)
			for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
				jobs, err := queue(context.Background(), b.l.cfg.Exec)
				must(t, err)
				if len(jobs[name]) == 0 {
					break
				}
				if time.Now().After(end) {
					t.Fatal("the controller does not forget")
				}
			}
			next := b.open(t, b.l.cfg.Root)
			st, err := next.Status(context.Background(), h)
			must(t, err)
			if st.State != r1.StateEnded || st.Outcome != c.want || st.ExitCode != c.code {
				t.Errorf("%+v, want %s with code %d", st, c.want, c.code)
			}
			again, err := next.Submit(context.Background(), b.launch)
			must(t, err)
			if again.Key != h.Key || b.starts(t) != 1 {
				t.Errorf("submitted again, it was started %d times", b.starts(t))
			}
		})
	}
}

// The scheduler itself says before anything runs whether it would take a site's jobs.
func TestCheckOfTheSite(t *testing.T) {
	b := newBench(t, launchtest.Script{})
	for name, c := range map[string]struct {
		queue Queue
		want  r1.Resources
		fails string
	}{
		"right":                         {queue: Queue{Partition: "train"}, want: r1.Resources{GPUs: 2, CPUs: 1}},
		"the default partition":         {},
		"mistyped partition":            {queue: Queue{Partition: "trian"}, fails: "slurm-partition"},
		"too many GPUs":                 {want: r1.Resources{GPUs: 3}, fails: "slurm-resources"},
		"a constraint that no node has": {queue: Queue{Constraint: "fast"}, fails: "slurm-refused"},
		"an option that is none":        {queue: Queue{Args: []string{"--exclusvie"}}, fails: "slurm-refused"},
	} {
		cfg := b.l.cfg
		cfg.Queue = c.queue
		found, err := Check(context.Background(), cfg, c.want, time.Hour, time.Minute)
		named, _ := r1.AsError(err)
		if (err == nil) != (c.fails == "") || (err == nil) != (found != "") || err != nil && (named == nil || named.Name != c.fails || named.Remedy == "") {
			t.Errorf("%s: %q, %v; want %q", name, found, err, c.fails)
		}
	}
}
