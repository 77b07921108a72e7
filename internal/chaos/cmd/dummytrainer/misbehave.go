package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// What a trainer can be told to do wrong. Two are about its beginning: one that
// has begun is killed, and the next attempt's does them.
const (
	noOutputs     = "exit0-no-outputs"
	noTraining    = "exit0-no-training"
	wrongResume   = "wrong-resume"
	torn          = "torn-checkpoint"
	forkChildren  = "fork-children"
	exception     = "exception"
	outOfMemory   = "oom"
	killed        = "killed-within"
	deaf          = "sigterm-ignored"
	notANumber    = "nan"
	slowExit      = "slow-exit"
	clockJump     = "clock-jump"
	flood         = "stdout-flood"
	hugeLine      = "huge-metrics-line"
	hang          = "hang"
	lingerVerb    = "linger"
	lingering     = 15 * time.Second
	floodBytes    = 24 << 20
	hugeLineBytes = 6 << 20
)

// behaviour is the content of behave/STAGE.JOB.
type behaviour struct {
	Do     string `json:"do"`
	AtStep int    `json:"at_step"` // of this attempt's own steps
}

func (b behaviour) skipsTraining() bool { return b.Do == noTraining }

func (t *trainer) order() string { return filepath.Join(t.control, "behave", name(t.job.Key)) }

// ordered reads what the trainer is told before it begins.
func (t *trainer) ordered() (behaviour, error) {
	b, err := t.look()
	switch {
	case err != nil || b.Do != noTraining && b.Do != wrongResume:
		return behaviour{}, err
	case b.Do == noTraining:
		return b, os.Remove(t.order())
	}
	return b, nil
}

func (t *trainer) look() (behaviour, error) {
	var b behaviour
	err := readJSON(t.order(), &b)
	if missing(err) {
		return behaviour{}, nil
	}
	return b, err
}

// taken says that the order is being carried out.
func (t *trainer) taken() error {
	if err := os.Remove(t.order()); err != nil {
		return fmt.Errorf("take an order: %w", err)
	}
	return nil
}

// misbehave does what the trainer was told for this step, or nothing.
func (t *trainer) misbehave() error {
	b, err := t.look()
	// The last steps are as good as any: a job must not end before it has done wrong.
	due := t.state.Step-t.begin >= b.AtStep || t.state.Step == t.total-1
	if err != nil || b.Do == "" || !due {
		return err
	}
	if b.Do == noTraining || b.Do == wrongResume {
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	if b.Do == torn {
		err = t.tear()
	}
	if err == nil {
		err = t.taken()
	}
	if err != nil {
		return err
	}
	return t.do(b.Do)
}

func (t *trainer) do(what string) error {
	switch what {
	case noOutputs:
		os.Exit(0)
	case torn, killed:
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case forkChildren:
		return t.fork()
	case exception:
		return t.fail("program", "RuntimeError", "told to fail", nil)
	case outOfMemory:
		return t.fail("oom", "OutOfMemoryError", "told to run out of memory", nil)
	case notANumber:
		last := max(t.begin, t.state.Step-1)
		return t.fail("diverged", "nan", "told to lose the loss", &last)
	case deaf:
		t.deaf = true
	case slowExit:
		t.lingers = true
	case clockJump:
		t.skew = -3 * time.Hour
	case flood:
		_, err := os.Stdout.Write(bytes.Repeat([]byte("all work and no play makes a dull log\n"), floodBytes/38))
		return err
	case hugeLine:
		return t.say(r1.MetricsLine{Type: "text", Step: t.state.Step, Text: map[string]string{"response": strings.Repeat("x", hugeLineBytes)}})
	case hang:
		select {}
	default:
		return fmt.Errorf("nobody knows how to %q", what)
	}
	return nil
}

// fail ends as a trainer does that knows what is wrong with it.
func (t *trainer) fail(class, kind, message string, lastGood *int) error {
	raw, err := json.Marshal(r1.TrainerError{Class: class, Type: kind, Message: message, LastGoodStep: lastGood})
	if err != nil {
		return err
	}
	if err := replace(t.job.Error, raw); err != nil {
		return err
	}
	return errors.New(message)
}

// tear writes a checkpoint that is marked as complete and is not whole.
func (t *trainer) tear() error {
	if !t.saves() {
		return nil
	}
	return t.saveAs(func(dir string) error { return os.Truncate(filepath.Join(dir, weightFile), weights/3) })
}

// fork leaves children behind, in this process group and in one of their own, that no SIGTERM ends.
func (t *trainer) fork() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, attr := range []*syscall.SysProcAttr{nil, {Setsid: true}} {
		cmd := exec.Command(self, lingerVerb)
		cmd.SysProcAttr = attr
		if err := cmd.Start(); err != nil {
			return err
		}
	}
	return nil
}
