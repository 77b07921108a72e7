package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Status is how a check came out.
type Status string

// The statuses: fail means that r1ctl will not work, warn that it may not.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// Probe looks at one part and says in a line what it found. An *r1.Error gives
// the check's remedy; an error made by Warning makes it a warning.
type Probe func(ctx context.Context) (string, error)

// Deps is what to look at. A nil Probe leaves its check out.
type Deps struct {
	// Python finds the interpreter for the trainer's environment.
	Python Probe
	// Trainer looks at the trainer's environment.
	Trainer Probe
	// Sandbox tries escapes from the sandbox of programs.
	Sandbox Probe
	// State looks at the state folder: its version, and who holds its lock.
	State Probe
	// Launcher asks the scheduler of the configured site; nil on this machine.
	Launcher Probe
	// Store reaches S3 and tries its conditional writes.
	Store Probe
	// Temporal reaches the Temporal service.
	Temporal Probe

	// Space lists the folders that will be written to, and what they need.
	Space []Space
	// Listen lists the addresses the engine will listen on; leave it empty when it runs.
	Listen []string
	// Host is the machine; nil is the one we run on.
	Host Host
}

// Space is a folder, which need not exist yet, and the free bytes it wants.
type Space struct {
	For  string // such as "trainer environment"
	Path string
	Need uint64
}

// Host is what doctor asks the machine itself.
type Host interface {
	Cores() int
	// Memory is what this process could use in all, and what is free of it now.
	Memory() (total, free uint64, err error)
	// Free is the free space of the file system that holds path or would.
	Free(path string) (uint64, error)
	// Listen tries to listen on an address, and stops again.
	Listen(ctx context.Context, address string) error
}

// probeTimeout bounds one probe: a doctor who hangs helps nobody.
const probeTimeout = 20 * time.Second

// Run makes all checks side by side, and returns them in a fixed order.
func Run(ctx context.Context, d Deps) []Check {
	if d.Host == nil {
		d.Host = System{}
	}
	type check struct {
		name string
		run  Probe
	}
	checks := []check{{"cores", d.cores}, {"memory", d.memory}}
	for _, s := range d.Space {
		checks = append(checks, check{"disk space: " + s.For, func(context.Context) (string, error) { return d.space(s) }})
	}
	checks = append(checks, check{"python", d.Python}, check{"trainer environment", d.Trainer}, check{"sandbox", d.Sandbox}, check{"state folder", d.State})
	for _, a := range d.Listen {
		checks = append(checks, check{"port " + a, func(ctx context.Context) (string, error) { return d.port(ctx, a) }})
	}
	checks = append(checks, check{"launcher", d.Launcher}, check{"s3", d.Store}, check{"temporal", d.Temporal})

	var out []Check
	var wg sync.WaitGroup
	for _, c := range checks {
		if c.run != nil {
			out = append(out, Check{Name: c.name})
		}
	}
	i := 0
	for _, c := range checks {
		if c.run == nil {
			continue
		}
		result := &out[i]
		i++
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			result.fill(c.run(ctx))
		})
	}
	wg.Wait()
	return out
}

func (c *Check) fill(detail string, err error) {
	c.Status, c.Detail = OK, detail
	if err == nil {
		return
	}
	c.Status, c.Detail = Fail, err.Error()
	var w *warning
	if errors.As(err, &w) {
		c.Status, c.Remedy = Warn, w.remedy
	} else if e, ok := r1.AsError(err); ok {
		c.Remedy = e.Remedy
	}
	if errors.Is(err, context.DeadlineExceeded) {
		c.Detail = fmt.Sprintf("no answer within %s: %v", probeTimeout, err)
	}
}

// Worst is the worst status of all.
func Worst(checks []Check) Status {
	worst := OK
	for _, c := range checks {
		if c.Status == Fail || c.Status == Warn && worst == OK {
			worst = c.Status
		}
	}
	return worst
}

type warning struct{ detail, remedy string }

func (w *warning) Error() string { return w.detail }

// Warning is the error of a Probe that found something amiss, but nothing that
// stops r1ctl.
func Warning(detail, remedy string) error { return &warning{detail, remedy} }
