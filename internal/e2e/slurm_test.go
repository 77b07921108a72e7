//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// slurm is a real cluster that deploy/slurm/up.sh brought up.
type slurm struct {
	t   *testing.T
	dir string
}

func (s slurm) run(argv ...string) string {
	s.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "SLURM_CONF="+filepath.Join(s.dir, "slurm.conf"))
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%v: %v", argv, err)
	}
	return strings.TrimSpace(string(out))
}

// TestTheRecipeOnSlurm runs the smoke profile of the full recipe as jobs of a real Slurm, and kills the
// engine with its worker in the middle of RL: no job is doubled, none is left, none is tried again.
func TestTheRecipeOnSlurm(t *testing.T) {
	c := slurm{t, os.Getenv("R1CTL_TEST_SLURM")}
	if c.dir == "" {
		t.Skip("no Slurm: make test-clusters brings one up")
	}
	dir := t.TempDir() // made first, as it must be there until the engine has ended
	m := newMachine(t)
	scratch := filepath.Join(dir, "scratch")
	m.config = filepath.Join(dir, "r1ctl.yaml")
	settings := fmt.Sprintf("site: {name: cluster}\nsites:\n  cluster: {launcher: slurm, scratch: %s, conf: %s, partition: train, cpus: 1, memory: 1800, walltime: 1h, poll: 1s}\n",
		scratch, filepath.Join(c.dir, "slurm.conf"))
	if err := os.WriteFile(m.config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	run := decode[struct {
		Run string `json:"run"`
	}](t, m.mustRun("start", "full-r1", "--profile", "smoke", "--detach", "-o", "json")).Run
	m.until(run, "dev2", "trains", func(s runs.Stage) bool {
		return s.State == r1.RunRunning && len(s.Jobs) > 0 && s.Jobs[0].Phase == runs.PhaseTrain
	})
	alive := strings.Fields(c.run("squeue", "--me", "-h", "--states=RUNNING", "-o", "%A"))
	m.killServer()
	if len(alive) == 0 {
		t.Error("no job ran when the worker was killed")
	}
	after := decode[runs.Status](t, m.mustRun("resume", run, "-o", "json"))
	if after.State != r1.RunCompleted {
		t.Fatalf("run is %s: %s", after.State, after.Error)
	}
	for job, n := range attempts(after) {
		if n > 1 {
			t.Errorf("%s took %d attempts, want 1", job, n)
		}
	}
	ended, err := filepath.Glob(filepath.Join(scratch, "attempts", run, "*", "*", "*", "end.json"))
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]int{}
	for _, file := range ended {
		var end struct{ Outcome, Host string }
		raw, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(raw, &end) != nil || end.Outcome != string(r1.Succeeded) {
			t.Errorf("%s: %s, %v; want succeeded", file, raw, err)
		}
		hosts[end.Host]++
		if logs, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "slurm-*.log")); len(logs) != 1 {
			t.Errorf("%d jobs of Slurm began for one attempt: %v", len(logs), logs)
		}
	}
	if len(ended) == 0 {
		t.Error("no attempt was a job of Slurm")
	}
	waitFor(t, "empty queue", time.Minute, func() bool { return c.run("squeue", "--me", "-h") == "" })
	t.Logf("%d jobs of Slurm on %v; %d ran when the worker was killed", len(ended), hosts, len(alive))
}
