package chaos

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func agentOf(pid, attempt int) Process {
	return Process{PID: pid, Role: RoleAgent, Attempt: r1.JobKey{Run: "r", Stage: "zero", Job: "main"}.Attempt(attempt)}
}

func TestTwoOfAJobAtATimeAreDoubled(t *testing.T) {
	other := agentOf(3, 1)
	other.Attempt.Stage = "tuned"
	trainer := agentOf(4, 1)
	trainer.Role = RoleTrainer
	for name, c := range map[string]struct {
		samples [][]Process
		want    int
	}{
		"one after another":        {[][]Process{{agentOf(1, 1)}, {agentOf(2, 2)}}, 0},
		"another job, and trainer": {[][]Process{{agentOf(1, 1), other, trainer}, {agentOf(1, 1), other, trainer}}, 0},
		"one just dying":           {[][]Process{{agentOf(1, 1), agentOf(2, 2)}, {agentOf(2, 2)}}, 0},
		"two attempts":             {[][]Process{{agentOf(1, 1), agentOf(2, 2)}, {agentOf(1, 1), agentOf(2, 2)}}, 1},
		"one attempt twice":        {[][]Process{{agentOf(1, 1), agentOf(2, 1)}, {agentOf(2, 1), agentOf(1, 1)}}, 1},
	} {
		s := newSampler(newCensus(), "")
		for _, sample := range c.samples {
			s.note(sample)
		}
		if got := s.doubled(); len(got) != c.want {
			t.Errorf("%s: doubled %v, want %d", name, got, c.want)
		}
	}
}

// Processes are found by what they were started with, whatever became of their parents.
func TestTheCensusKnowsWhoIsWho(t *testing.T) {
	root := t.TempDir()
	key := r1.JobKey{Run: "r", Stage: "zero", Job: "phase-01"}.Attempt(2)
	dir := filepath.Join(root, "attempts", key.String())
	start := func(env ...string) {
		cmd := exec.Command("sleep", "60")
		cmd.Env = env
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	start(childenv.AttemptDir+"="+dir, childenv.TrainerDir+"="+dir+"/work")
	start(childenv.AttemptDir + "=" + dir)
	start()
	time.Sleep(10 * time.Millisecond) // from fork to exec
	roles := map[Role]int{}
	for _, p := range newCensus().of(root) {
		roles[p.Role]++
		if p.Attempt != key {
			t.Errorf("%s is of %s, want %s", p, p.Attempt, key)
		}
	}
	if roles[RoleTrainer] != 1 || roles[RoleOther] != 1 || len(roles) != 2 {
		t.Errorf("found %v, want one trainer and one other", roles)
	}
}
