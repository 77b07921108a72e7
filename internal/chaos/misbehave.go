package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

func (d *drive) behaviour(o Order) string {
	return filepath.Join(d.rig.base().control(), "behave", o.Job.Stage+"."+o.Job.Name)
}

// misbehaveAt is the step at which the scripted trainer does what it is told:
// beyond its first checkpoint, where it writes any.
const misbehaveAt = 6

// strikeTrainer tells the scripted trainer of a job to misbehave, and waits until it does.
func (d *drive) strikeTrainer(ctx context.Context, o Order) (blow, error) {
	raw, err := json.Marshal(map[string]any{"do": o.Kind.Arg, "at_step": misbehaveAt})
	if err != nil {
		return blow{}, fmt.Errorf("encode a behaviour: %w", err)
	}
	file := d.behaviour(o)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return blow{}, fmt.Errorf("tell the trainer: %w", err)
	}
	if err := os.WriteFile(file+".part", raw, 0o600); err != nil {
		return blow{}, fmt.Errorf("tell the trainer: %w", err)
	}
	if err := os.Rename(file+".part", file); err != nil {
		return blow{}, fmt.Errorf("tell the trainer: %w", err)
	}
	b := blow{order: o}
	err = d.until(ctx, "trainer that takes its order", func() (bool, error) {
		d.approach(o.Job)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		if d.view.committed(d.key(o.Job)) || d.view.state().State.Ended() {
			return false, &missedError{"the job was over too soon"}
		}
		return false, nil
	})
	if err != nil {
		return b, err
	}
	b.at, b.before = time.Now(), d.look(o.Job)
	if o.Kind.Arg == "sigterm-ignored" {
		j := d.key(o.Job)
		b.victims = with(leaders(d.rig.base().processes()), RoleAgent, &j)
		if err := send(b.victims, syscall.SIGTERM); err != nil {
			return b, err
		}
	}
	return b, d.last(ctx, &b, nil)
}
