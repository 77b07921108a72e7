package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/trainer"
)

// bench is a folder with an S3 server.
type bench struct {
	options options
	dir     string
	env     trainerenv.Env
	store   *artifact.Store
	s3      *exec.Cmd
	hold    io.Closer // the S3 server ends when this closes
	// Where the S3 server is, as the agent is told.
	endpoint, region, bucket, credentials string
}

// newBench makes the state of an embedded engine and starts its S3 server alone.
func newBench(ctx context.Context, o options) (*bench, error) {
	env, ok, err := trainerenv.Find(trainerenv.Options{Source: trainer.Source})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("the trainer's environment is not there; run: make setup")
	}
	dir, err := os.MkdirTemp("", "r1ctl-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, dir: dir, env: env}
	if err := b.serve(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// close ends the S3 server, and an engine that was not ended yet, and removes the folder.
func (b *bench) close() {
	if b.hold != nil {
		_ = b.hold.Close()
		_ = b.s3.Wait()
	}
	if _, err := b.r1ctl(context.Background(), "server", "stop"); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err := os.RemoveAll(b.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

func (b *bench) state() string { return filepath.Join(b.dir, "state") }

func (b *bench) serve(ctx context.Context) error {
	for _, args := range [][]string{{"status"}, {"server", "info", "-o", "json"}, {"server", "stop"}} {
		out, err := b.r1ctl(ctx, args...)
		if err != nil {
			return err
		}
		if args[len(args)-1] != "json" {
			continue
		}
		var info struct {
			Endpoints struct {
				Endpoint    string `json:"s3_endpoint"`
				Region      string `json:"s3_region"`
				Bucket      string `json:"bucket"`
				Credentials string `json:"credentials_file"`
			} `json:"endpoints"`
		}
		if err := json.Unmarshal(out, &info); err != nil {
			return fmt.Errorf("read where S3 is: %w", err)
		}
		e := info.Endpoints
		b.endpoint, b.region, b.bucket, b.credentials = e.Endpoint, e.Region, e.Bucket, e.Credentials
	}
	b.s3 = exec.Command(b.options.binary, "s3-server", "--state-dir", b.state())
	b.s3.Stderr = os.Stderr
	hold, err := b.s3.StdinPipe()
	if err != nil {
		return err
	}
	if err := b.s3.Start(); err != nil {
		return fmt.Errorf("start the S3 server: %w", err)
	}
	b.hold = hold
	if err := b.await(ctx); err != nil {
		return err
	}
	// The store's client finds the keys in the file, as the agent's does.
	if err := os.Setenv("AWS_SHARED_CREDENTIALS_FILE", b.credentials); err != nil {
		return err
	}
	b.store, err = artifact.New(ctx, artifact.Config{Endpoint: b.endpoint, Region: b.region, Bucket: b.bucket, PathStyle: true, Embedded: true})
	return err
}

// await waits until the S3 server listens.
func (b *bench) await(ctx context.Context) error {
	at, err := url.Parse(b.endpoint)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		conn, err := net.Dial("tcp", at.Host)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for the S3 server: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (b *bench) r1ctl(ctx context.Context, args ...string) ([]byte, error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, b.options.binary, args...)
	cmd.Env = append(os.Environ(), "R1CTL_STATE_DIR="+b.state())
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("r1ctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}
