package server

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// leaseInterval is well below any sensible idle timeout.
const leaseInterval = 5 * time.Second

// Touch tells the server of a state directory that a client needs it now.
func Touch(stateDir string) error {
	dir, err := statedir.At(stateDir)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(dir.LeaseFile(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("touch lease: %w", err)
	}
	defer f.Close()
	now := time.Now()
	if err := os.Chtimes(dir.LeaseFile(), now, now); err != nil {
		return fmt.Errorf("touch lease: %w", err)
	}
	return nil
}

// KeepAlive touches the lease until ctx ends, for clients that stay.
func KeepAlive(ctx context.Context, stateDir string) error {
	tick := time.NewTicker(leaseInterval)
	defer tick.Stop()
	for {
		if err := Touch(stateDir); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func leased(dir statedir.Dir) time.Time {
	info, err := os.Stat(dir.LeaseFile())
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
