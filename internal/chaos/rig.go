package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// RigName is where a run happens.
type RigName string

// The rigs.
const (
	Laptop  RigName = "laptop"  // the embedded engine, scripted trainer
	Cluster RigName = "cluster" // Temporal, S3 and two workers as processes of their own, scripted trainer
	Disk    RigName = "disk"    // laptop with a state dir on a disk of its own, which can be full
	Real    RigName = "real"    // laptop with the real trainer
)

// Binaries are the programs that the suite runs.
type Binaries struct {
	R1ctl string // built with the tag chaos
	Dummy string // the scripted trainer
	Self  string // this program, for the parts of a cluster
}

// bench is what all rigs have: a folder of their own, and the r1ctl command line.
type bench struct {
	name     RigName
	binaries Binaries
	root     string // all that the run makes lies below, and its processes are found by it
	census   *census
	settings []string // R1CTL_*: what a person would have in a config file
}

func (b *bench) state() string   { return filepath.Join(b.root, "s") }
func (b *bench) control() string { return filepath.Join(b.root, "control") }
func (b *bench) faults() string  { return filepath.Join(b.state(), "faults") }

// prepare makes the folders, and says how jobs are run.
func (b *bench) prepare() error {
	for _, dir := range []string{b.root, b.control()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the folders of a run: %w", err)
		}
	}
	b.settings = append(b.settings,
		"R1CTL_STATE_DIR="+b.state(),
		// Several faults a run must not end it.
		"R1CTL_SITE_RETRIES_PROGRAM=30", "R1CTL_SITE_RETRIES_INFRASTRUCTURE=60",
		// A relaunched attempt must not wait for a slot that another stage took meanwhile.
		"R1CTL_SITE_SLOTS=8", "R1CTL_SITE_STOP_GRACE=10s",
	)
	if b.name != Real {
		b.settings = append(b.settings,
			"R1CTL_TRAINER_COMMAND="+strings.Join([]string{b.binaries.Dummy, "--control", b.control()}, ","),
			"R1CTL_SITE_STALL=20s") // it speaks several times a second, but for faults that last
	}
	return nil
}

// armable makes the folder of fault points. It exists only once r1ctl has made
// the state dir: r1ctl refuses one that is not empty and not its own.
func (b *bench) armable() error { return os.MkdirAll(b.faults(), 0o700) }

// environment is that of a person who has nothing of r1ctl set.
func (b *bench) environment() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "R1CTL_") {
			env = append(env, kv)
		}
	}
	return append(env, b.settings...)
}

// commandPatience bounds a command of r1ctl, which may have to wait for an engine to start on a busy machine.
const commandPatience = 3 * time.Minute

// r1ctl runs a command as a person would, and gives what it printed.
func (b *bench) r1ctl(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.binaries.R1ctl, args...)
	cmd.Env, cmd.Dir = b.environment(), b.root
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		return out.String(), &commandError{args: args, said: strings.TrimSpace(errs.String()), err: err}
	}
	return out.String(), nil
}

// commandError is a command of r1ctl that failed.
type commandError struct {
	args []string
	said string
	err  error
}

func (e *commandError) Error() string {
	return fmt.Sprintf("r1ctl %s: %v: %s", strings.Join(e.args, " "), e.err, e.said)
}

func (e *commandError) Unwrap() error { return e.err }

// processes lists the living processes of the rig.
func (b *bench) processes() []Process { return b.census.of(b.root) }

// start starts the run, detached.
func (b *bench) startRun(ctx context.Context, run string, recipe []string) error {
	_, err := b.r1ctl(ctx, append(append([]string{"start"}, recipe...), "--run-id", run, "--detach")...)
	return err
}

// rig is a place where a run happens.
type rig interface {
	base() *bench
	// up brings the parts up that a run needs before it starts.
	up(ctx context.Context) error
	// drivers are the living processes that drive runs: the engine, or the workers.
	drivers() []Process
	// lacks says whether a part is dead that somebody has to start again.
	lacks() bool
	// repair starts what is dead as whoever runs it would: a person by
	// r1ctl resume, a service manager each service. It does nothing where nothing is.
	repair(ctx context.Context, run string) error
	// down ends the parts in order.
	down(ctx context.Context) error
	// store reads the rig's bucket; temporal is the address of its Temporal.
	store(ctx context.Context) (*artifact.Store, error)
	temporal() (address, namespace string, err error)
	bucket() string // folder of the bucket
}

func viewOf(r rig, recipe, run string) view {
	return view{bucket: r.bucket(), attempts: filepath.Join(r.base().state(), "attempts"), layout: r1.Layout{Recipe: recipe, Run: run}}
}
