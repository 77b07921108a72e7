package agent

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/r1ctl/r1ctl/internal/launch/child"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tally"
)

// startTrainer starts the trainer on job.json. Its output goes to a file, not through
// the agent, so nothing that happens to the agent's uploads can make it wait.
func (a *agent) startTrainer(log *os.File) (*child.Child, error) {
	command, environ := a.trainer()
	argv := append(slices.Clone(command), jobFile)
	env := childenv.Clean(append(slices.Clone(environ), childenv.TrainerDir+"="+a.cfg.WorkDir)...)
	if n := a.spec.Threads; n > 0 {
		for _, name := range []string{"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"} {
			env = append(env, fmt.Sprintf("%s=%d", name, n))
		}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = a.cfg.WorkDir
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = log, log
	return child.Start(cmd)
}

// trainer is the command for this attempt, and its environment.
func (a *agent) trainer() (command, environ []string) {
	if a.cfg.TrainerFor != nil {
		if command, environ = a.cfg.TrainerFor(a.spec); len(command) > 0 {
			return command, environ
		}
	}
	return a.cfg.Trainer, a.cfg.TrainerEnv
}

// endStragglers kills what the trainer started and its group does not hold any
// more: nothing of it may write into the outputs, or live on.
func (a *agent) endStragglers() error {
	return procstat.KillMarked(childenv.TrainerDir, a.cfg.WorkDir)
}

// missingOutputs names the declared outputs that hold no byte.
func (a *agent) missingOutputs() []string {
	var missing []string
	for _, o := range a.spec.Outputs {
		if !holdsBytes(a.path("outputs", o.Name)) {
			missing = append(missing, o.Name)
		}
	}
	return missing
}

func holdsBytes(dir string) bool {
	found := false
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is not there
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// trainerError reads error.json. One that cannot be read says nothing.
func (a *agent) trainerError() *r1.TrainerError {
	var e r1.TrainerError
	if there, err := readJSON(a.path(errorFile), &e); !there || err != nil {
		return nil
	}
	return &e
}

// funnel reads the funnel.json of a dataset output, if there is one; samples without
// one are counted.
func (a *agent) funnel(ctx context.Context) (*r1.Funnel, error) {
	for _, o := range a.spec.Outputs {
		if o.Type != r1.TypeDataset {
			continue
		}
		var f r1.Funnel
		if there, err := readJSON(a.path("outputs", o.Name, "funnel.json"), &f); there || err != nil {
			return &f, err
		}
		if a.spec.Kind != r1.KindSample {
			continue
		}
		counted, err := tally.Samples(ctx, a.path("outputs", o.Name))
		if err != nil { // the samples are what counts, and not their number
			a.cfg.Logger.Warn("the samples are not counted", "output", o.Name, "error", err)
			continue
		}
		return counted, nil
	}
	return nil, nil
}
