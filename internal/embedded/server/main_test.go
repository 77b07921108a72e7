package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// scenario is how a server under test behaves; it travels in an environment variable.
type scenario struct {
	StateDir    string        `json:"state_dir"`
	IdleTimeout time.Duration `json:"idle_timeout"`
	MinFree     uint64        `json:"min_free"`
	WorkerError string        `json:"worker_error"` // of a worker that fails at once
	NeverReady  bool          `json:"never_ready"`  // the worker never serves
}

const (
	scenarioVariable = "R1CTL_TEST_SCENARIO"
	roleVariable     = "R1CTL_TEST_ROLE"
)

// TestMain lets the test binary be the server and the S3 server as well.
func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(role string) error {
	var sc scenario
	if err := json.Unmarshal([]byte(os.Getenv(scenarioVariable)), &sc); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	switch role {
	case "s3":
		return server.RunS3(context.Background(), sc.StateDir)
	case "server":
		return server.Run(context.Background(), server.RunOptions{
			StateDir:     sc.StateDir,
			Version:      "test",
			S3Command:    []string{"env", roleVariable + "=s3", self},
			IdleTimeout:  sc.IdleTimeout,
			MinFreeBytes: max(sc.MinFree, 1),
			Pages: func(_ context.Context, ep server.Endpoints) (http.Handler, error) {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					fmt.Fprintf(w, "runs of %s", ep.StateDir)
				}), nil
			},
			RunWorker: func(ctx context.Context, _ server.Endpoints, ready func()) error {
				if sc.WorkerError != "" {
					return errors.New(sc.WorkerError)
				}
				if !sc.NeverReady {
					ready()
				}
				<-ctx.Done()
				return nil
			},
		})
	}
	return fmt.Errorf("no role %q", role)
}

// options starts a server of the scenario in a directory of its own, and makes
// sure that nothing of it outlives the test.
func options(t *testing.T, sc scenario) server.EnsureOptions {
	t.Helper()
	if sc.StateDir == "" {
		sc.StateDir = filepath.Join(t.TempDir(), "state")
	}
	raw, err := json.Marshal(sc)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := server.Stop(context.Background(), sc.StateDir); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return server.EnsureOptions{
		StateDir: sc.StateDir,
		Command:  []string{self},
		Env:      append(os.Environ(), roleVariable+"=server", scenarioVariable+"="+string(raw)),
		Progress: func(step string) { t.Log(step) },
	}
}

func ensure(t *testing.T, o server.EnsureOptions) server.Endpoints {
	t.Helper()
	ep, err := server.Ensure(t.Context(), o)
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	return ep
}

// holders are the processes of a state directory's server.
func holders(t *testing.T, stateDir string) (srv, s3 statedir.Process) {
	t.Helper()
	dir, err := statedir.At(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	srv, _, err = statedir.Held(dir.ServerLock())
	if err != nil {
		t.Fatal(err)
	}
	s3, _, err = statedir.Held(dir.S3Lock())
	if err != nil {
		t.Fatal(err)
	}
	return srv, s3
}

// eventually waits for what must become true; the test's own deadline bounds it.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for !check() {
		select {
		case <-t.Context().Done():
			t.Fatalf("never true: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
