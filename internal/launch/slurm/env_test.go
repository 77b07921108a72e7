package slurm

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

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
