package server

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// stopGrace is more than the sum of what the parts of a server may take to end.
const stopGrace = 60 * time.Second

// Stop ends the server of a state directory, and returns when all its processes
// are gone. It says whether there was one.
func Stop(ctx context.Context, stateDir string) (bool, error) {
	dir, err := statedir.At(stateDir)
	if err != nil {
		return false, err
	}
	server, running, err := holder(ctx, dir.ServerLock())
	if err != nil {
		return false, err
	}
	s3, serving, err := holder(ctx, dir.S3Lock())
	if err != nil {
		return false, err
	}
	if running {
		if err := server.Signal(syscall.SIGTERM); err != nil {
			return true, err
		}
		if err := endWithin(ctx, server, stopGrace); err != nil {
			return true, fmt.Errorf("end the embedded server: %w", err)
		}
	}
	if serving {
		if err := endWithin(ctx, s3, orphanPatience); err != nil {
			return running, fmt.Errorf("end the S3 server: %w", err)
		}
	}
	return running, nil
}

// holder gives the process that holds a lock, and waits for one that has taken
// it this instant to be noted.
func holder(ctx context.Context, lock string) (statedir.Process, bool, error) {
	for {
		p, held, err := statedir.Held(lock)
		if err != nil || !held || p.PID != 0 {
			return p, held, err
		}
		select {
		case <-ctx.Done():
			return p, true, ctx.Err()
		case <-time.After(ensurePause):
		}
	}
}

// endWithin waits for a process that is about to end, and kills it when it takes too long.
func endWithin(ctx context.Context, p statedir.Process, grace time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	err := awaitGone(wait, p)
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	return awaitGone(ctx, p)
}

func awaitGone(ctx context.Context, p statedir.Process) error {
	for p.Alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for process %d: %w", p.PID, ctx.Err())
		case <-time.After(ensurePause):
		}
	}
	return nil
}
