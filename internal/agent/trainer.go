package agent

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// startTrainer starts the trainer on job.json. Its output goes to a file, not through
// the agent, so nothing that happens to the agent's uploads can make it wait.
func (a *agent) startTrainer(log *os.File) (*child, error) {
	argv := append(append([]string(nil), a.cfg.Trainer...), jobFile)
	env := a.environment(a.cfg.TrainerEnv...)
	if n := a.spec.Threads; n > 0 {
		for _, name := range []string{"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"} {
			env = append(env, fmt.Sprintf("%s=%d", name, n))
		}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = a.cfg.WorkDir
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = log, log
	return startChild(cmd)
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

// funnel reads the funnel.json of a dataset output, if there is one.
func (a *agent) funnel() (*r1.Funnel, error) {
	for _, o := range a.spec.Outputs {
		if o.Type != r1.TypeDataset {
			continue
		}
		var f r1.Funnel
		if there, err := readJSON(a.path("outputs", o.Name, "funnel.json"), &f); there || err != nil {
			return &f, err
		}
	}
	return nil, nil
}

// tailSize is how much of a log is searched for a root cause.
const tailSize = 64 << 10

// tail reads the end of a file, or nothing.
func tail(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tailSize {
		if _, err := f.Seek(-tailSize, io.SeekEnd); err != nil {
			return ""
		}
	}
	raw, err := io.ReadAll(io.LimitReader(f, tailSize))
	if err != nil {
		return ""
	}
	return string(raw)
}
