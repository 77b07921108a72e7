package slurm

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// What the environment of an attempt holds, a key perhaps, does not outlive the attempt, also
// where its job never began.
func TestAnAttemptThatNeverBeginsLeavesNoKey(t *testing.T) {
	t.Setenv("R1CTL_TEST_PASSED", "passed-secret")
	refuses := Answer{Code: 1, Stderr: "sbatch: error: Batch job submission failed: Invalid partition name specified\n"}
	for name, c := range map[string]struct {
		sbatch Answer
		stop   bool
	}{
		"refused":                      {sbatch: refuses},
		"stopped, and the job is gone": {sbatch: Answer{Stdout: "7\n"}, stop: true},
	} {
		t.Run(name, func(t *testing.T) {
			scripted := func(_ context.Context, _ string, argv ...string) (Answer, error) {
				if argv[0] == "sbatch" {
					return c.sbatch, nil
				}
				return Answer{}, nil // squeue knows none
			}
			l, err := New(Config{Root: t.TempDir(), Command: []string{"agent"}, Exec: scripted})
			if err != nil {
				t.Fatal(err)
			}
			key := r1.JobKey{Run: "run", Stage: "sft", Job: "main"}.Attempt(1)
			h, err := l.Submit(t.Context(), r1.Launch{Key: key, Pass: []string{"R1CTL_TEST_PASSED"}})
			if (err == nil) != c.stop {
				t.Fatal(err)
			}
			env := filepath.Join(l.cfg.Root, "run/sft/main/1", envFile)
			if c.stop {
				if _, err := os.Stat(env); err != nil {
					t.Fatalf("the job would not find its environment: %v", err)
				}
				if err := l.Stop(t.Context(), h, time.Second); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(env); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still there (%v)", err)
			}
		})
	}
}

// scriptedSlurm has jobs of one attempt, by number, and does what scancel says.
type scriptedSlurm struct {
	name   string
	states map[string]string
	said   []string // calls of scancel
}

func (s *scriptedSlurm) exec(_ context.Context, _ string, argv ...string) (Answer, error) {
	switch argv[0] {
	case "squeue":
		out := ""
		for _, id := range slices.Sorted(maps.Keys(s.states)) {
			out += id + "|" + s.name + "|" + s.states[id] + "|None|n1|2026-11-29T01:00:00\n"
		}
		return Answer{Stdout: out}, nil
	case "scancel":
		s.said = append(s.said, strings.Join(argv[1:], " "))
		s.states[argv[len(argv)-1]] = "CANCELLED"
		return Answer{}, nil
	}
	id := argv[3] // scontrol show job ID
	return Answer{Stdout: "JobId=" + id + " JobName=" + s.name + " JobState=" + s.states[id] + " Reason=None ExitCode=0:0 NodeList=n1\n"}, nil
}

// A job that ran and waits again is over, however it was put back; so is what bears an
// attempt's name beside the job that was it.
func TestWhatIsLeftInTheQueueIsCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		states map[string]string
		exit   *exitRecord
		want   r1.Outcome
		gone   []string
	}{
		"put back after it ended":      {map[string]string{"7": "PENDING"}, &exitRecord{Job: "7", Code: 0}, r1.Succeeded, []string{"7"}},
		"put back and held, cut short": {map[string]string{"7": "SPECIAL_EXIT"}, nil, r1.Preempted, []string{"7"}},
		"a second one waits":           {map[string]string{"7": "COMPLETED", "8": "PENDING"}, &exitRecord{Job: "7", Code: 0}, r1.Succeeded, []string{"8"}},
	} {
		t.Run(name, func(t *testing.T) {
			slurm := &scriptedSlurm{states: c.states}
			l, err := New(Config{Root: t.TempDir(), Command: []string{"agent"}, Exec: slurm.exec, Poll: time.Nanosecond})
			if err != nil {
				t.Fatal(err)
			}
			key := r1.JobKey{Run: "run", Stage: "sft", Job: "main"}.Attempt(1)
			slurm.name = l.name(key)
			dir := filepath.Join(l.cfg.Root, "run/sft/main/1")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if who, err := claim(dir, "7"); err != nil || who != "7" {
				t.Fatal(who, err)
			}
			if c.exit != nil {
				if err := record.Write(dir, exitFile, c.exit); err != nil {
					t.Fatal(err)
				}
			}
			h, err := l.handle(key, dir)
			if err != nil {
				t.Fatal(err)
			}
			var st r1.Status
			for range 3 {
				if st, err = l.Status(t.Context(), h); err != nil {
					t.Fatal(err)
				}
				if st.State == r1.StateEnded {
					break
				}
			}
			if st.State != r1.StateEnded || st.Outcome != c.want || !slices.Equal(slurm.said, c.gone) {
				t.Errorf("%+v after %q, want %s after %q", st, slurm.said, c.want, c.gone)
			}
		})
	}
}

// The notice that a walltime will be over never takes more than half of it.
func TestNotice(t *testing.T) {
	for _, c := range []struct{ grace, walltime, want time.Duration }{
		{30 * time.Second, 0, 2 * time.Minute}, {5 * time.Minute, time.Hour, 6 * time.Minute}, {5 * time.Minute, 5 * time.Minute, 150 * time.Second},
	} {
		if got := noticeOf(r1.Launch{Notice: c.grace, Walltime: c.walltime}); got != c.want {
			t.Errorf("grace %s, walltime %s: %s, want %s", c.grace, c.walltime, got, c.want)
		}
	}
}
