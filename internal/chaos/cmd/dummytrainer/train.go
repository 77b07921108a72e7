package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// trainer does one job.
type trainer struct {
	job        r1.JobFile
	params     params
	control    string
	terminated <-chan os.Signal
	deaf       bool // SIGTERM is ignored
	behaviour  behaviour
	metrics    *os.File

	inputs  string // digest of all inputs
	rows    []map[string]any
	state   state
	total   int
	begin   int
	skew    time.Duration // of the clock it writes
	lingers bool          // it stays after its summary
}

// params are those that say how much there is to do.
type params struct {
	CheckpointSteps  int `json:"checkpoint_steps"`
	BatchSize        int `json:"batch_size"`
	Epochs           int `json:"epochs"`
	SamplesPerPrompt int `json:"samples_per_prompt"`
}

// state is what training comes down to: every step makes it another one, and
// the outputs are made of the last.
type state struct {
	Step   int    `json:"step"`
	Digest string `json:"digest"`
}

// fewSteps is what a kind does that has no steps of its own.
const fewSteps = 24

// open reads a job and what it goes on from.
func open(control, file string, terminated <-chan os.Signal) (*trainer, error) {
	t := &trainer{control: control, terminated: terminated}
	if err := readJSON(file, &t.job); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(t.job.Params, &t.params); err != nil {
		return nil, fmt.Errorf("read params: %w", err)
	}
	if err := t.lock(); err != nil {
		return nil, err
	}
	var err error
	if t.metrics, err = os.OpenFile(t.job.Metrics, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return nil, fmt.Errorf("open the metrics: %w", err)
	}
	if t.inputs, err = digestInputs(t.job.Inputs); err != nil {
		return nil, err
	}
	if t.rows, err = t.readRows(); err != nil {
		return nil, err
	}
	t.total = t.steps()
	t.state = state{Step: t.job.FromStep, Digest: digest(string(t.job.Kind), name(t.job.Key), fmt.Sprint(t.job.Seed), string(t.job.Params), t.inputs)}
	if t.job.Resume != nil {
		if err := readJSON(filepath.Join(t.job.Resume.Path, stateFile), &t.state); err != nil {
			return nil, err
		}
	}
	t.begin = t.state.Step
	t.behaviour, err = t.ordered()
	return t, err
}

// steps is where the job ends.
func (t *trainer) steps() int {
	switch t.job.Kind {
	case r1.KindGRPO:
		return t.job.ToStep
	case r1.KindSFT, r1.KindDistill, r1.KindRewardModel:
		batch := max(1, t.params.BatchSize)
		return max(1, t.params.Epochs) * max(1, (len(t.rows)+batch-1)/batch)
	}
	return fewSteps
}

// saves says whether the kind writes checkpoints.
func (t *trainer) saves() bool { return t.params.CheckpointSteps > 0 }

// train walks through the steps, and makes the outputs.
func (t *trainer) train() error {
	if err := t.beginning(); err != nil {
		return err
	}
	for t.state.Step < t.total && !t.behaviour.skipsTraining() {
		if err := t.wait(); err != nil {
			return err
		}
		t.state.Step++
		t.state.Digest = digest(t.state.Digest, fmt.Sprint(t.state.Step))
		if err := t.say(r1.MetricsLine{Type: "step", Step: t.state.Step, Values: map[string]float64{"loss": 1 / float64(1+t.state.Step), "reward": 0.5, "reward_std": 0.2}}); err != nil {
			return err
		}
		if t.saves() && t.state.Step%t.params.CheckpointSteps == 0 && t.state.Step < t.total {
			if err := t.save(); err != nil {
				return err
			}
		}
		if err := t.misbehave(); err != nil {
			return err
		}
	}
	if err := t.write(); err != nil {
		return err
	}
	if err := t.say(r1.MetricsLine{Type: "summary", Step: t.state.Step, Values: map[string]float64{"loss": 0.1}}); err != nil {
		return err
	}
	if t.lingers {
		time.Sleep(lingering)
	}
	return nil
}

// beginning says where the training begins.
func (t *trainer) beginning() error {
	line := r1.MetricsLine{Type: "start", Step: t.state.Step, Cursor: int64(t.state.Step), Total: t.total}
	if t.job.Resume != nil {
		line.Type = "resume"
	}
	if t.behaviour.Do == wrongResume {
		line.Step++
		if err := t.taken(); err != nil {
			return err
		}
	}
	return t.say(line)
}

// wait takes the time of a step. On SIGTERM it saves, and ends.
func (t *trainer) wait() error {
	pace := 20 * time.Millisecond
	if raw, err := os.ReadFile(filepath.Join(t.control, "pace")); err == nil {
		if told, err := time.ParseDuration(strings.TrimSpace(string(raw))); err == nil {
			pace = told
		}
	}
	over := time.After(pace)
	for {
		select {
		case <-over:
			if _, err := os.Stat(filepath.Join(t.control, "hold")); err != nil {
				return nil
			}
			if err := t.say(r1.MetricsLine{Type: "eval", Step: t.state.Step, Values: map[string]float64{"pass@1": 0.5}}); err != nil {
				return err
			}
			over = time.After(max(pace, 200*time.Millisecond))
		case <-t.terminated:
			if t.deaf {
				continue
			}
			if t.saves() && t.state.Step > t.begin {
				if err := t.save(); err != nil {
					return err
				}
			}
			os.Exit(exitTerminated)
		}
	}
}

// say writes a line of metrics.
func (t *trainer) say(line r1.MetricsLine) error {
	line.Time = time.Now().Add(t.skew).UTC()
	raw, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode metrics: %w", err)
	}
	if _, err := t.metrics.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// name is the key of an attempt without what differs between runs and attempts.
func name(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) < 4 {
		return key
	}
	return parts[len(parts)-3] + "." + parts[len(parts)-2]
}

func readJSON(file string, into any) error {
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// replace writes a file in one step.
func replace(file string, raw []byte) error {
	part := file + ".part"
	err := os.WriteFile(part, raw, 0o644)
	if err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
