package chaos

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
	"github.com/r1ctl/r1ctl/internal/embedded/temporal"
)

// The parts of a cluster, as verbs of this program. They end with the one that
// started them: their standard input is a pipe from it.
const (
	verbS3       = "part-s3"
	verbTemporal = "part-temporal"
	verbDisk     = "part-disk"
)

// searchAttributes are those that r1ctl asks of a Temporal (docs/configuration.md).
var searchAttributes = []string{"R1Recipe", "R1Profile", "R1Stage", "R1State", "R1Owner"}

// RunPart runs a part of a cluster when args ask for one, and says whether they do.
func RunPart(ctx context.Context, args []string) (bool, error) {
	if len(args) < 2 {
		return false, nil
	}
	switch args[0] {
	case verbS3:
		return true, server.RunS3(ctx, args[1])
	case verbTemporal:
		return true, runTemporal(ctx, args[1])
	case verbDisk:
		return true, runDisk(ctx, args[1])
	}
	return false, nil
}

// runTemporal serves Temporal from the database of a state dir.
func runTemporal(ctx context.Context, stateDir string) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // returns when whoever started us is gone
		cancel()
	}()
	dir, err := statedir.Open(stateDir)
	if err != nil {
		return err
	}
	lock, err := waitFor(ctx, dir.ServerLock())
	if err != nil {
		return err
	}
	defer lock.Release()
	ports, err := dir.Ports()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir.LogDir(), "temporal.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open Temporal's log: %w", err)
	}
	defer log.Close()
	engine, err := temporal.Start(ctx, temporal.Config{
		DatabaseDir: dir.DatabaseDir(), Host: statedir.Host, Port: ports.Temporal, HTTPPort: ports.TemporalHTTP, UIPort: ports.UI,
		Namespace: server.Namespace, Retention: 24 * time.Hour, SearchAttributes: searchAttributes, Logger: temporal.NewLogger(log),
	})
	if err != nil {
		return err
	}
	defer engine.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-engine.Failed():
		return err
	}
}

// waitFor takes a lock whose holder may just be dying.
func waitFor(ctx context.Context, file string) (*statedir.Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return statedir.WaitLock(ctx, file)
}
