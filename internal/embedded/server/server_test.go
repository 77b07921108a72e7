package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestClientsAtOnceGetOneServer(t *testing.T) {
	o := options(t, scenario{})
	var wg sync.WaitGroup
	endpoints := make([]server.Endpoints, 4)
	errs := make([]error, len(endpoints))
	for i := range endpoints {
		wg.Go(func() { endpoints[i], errs[i] = server.Ensure(t.Context(), o) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	ep := endpoints[0]
	for _, other := range endpoints {
		if other != ep {
			t.Fatalf("two servers: %s and %s", ep, other)
		}
	}

	t.Run("namespace, retention and search attributes exist", func(t *testing.T) {
		c := dial(t, ep)
		ns, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: ep.Namespace})
		if err != nil {
			t.Fatal(err)
		}
		if got := ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); got != 365*24*time.Hour {
			t.Errorf("retention %s", got)
		}
		attrs, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: ep.Namespace})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"R1Recipe", "R1Profile", "R1Stage", "R1State", "R1Owner"} {
			if _, ok := attrs.GetCustomAttributes()[name]; !ok {
				t.Errorf("no search attribute %s", name)
			}
		}
	})
	t.Run("the pages that show runs answer", func(t *testing.T) {
		if status, body := get(t, ep.ReportURL+"/"); status != http.StatusOK || string(body) != "runs of "+ep.StateDir {
			t.Errorf("%s: %d %s", ep.ReportURL, status, body)
		}
	})
	t.Run("the web UI answers", func(t *testing.T) {
		for _, path := range []string{"/", "/namespaces/" + ep.Namespace + "/workflows", "/api/v1/namespaces/" + ep.Namespace} {
			if status, body := get(t, ep.UIURL+path); status != http.StatusOK || len(body) == 0 {
				t.Errorf("%s: %d", path, status)
			}
		}
	})
	t.Run("of many writers of one key exactly one wins", func(t *testing.T) {
		store := s3Client(t, ep)
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				err := put(store, "full-r1/run/commit.json", fmt.Sprint(i), true)
				switch {
				case err == nil:
					won.Add(1)
				case strings.Contains(err.Error(), "PreconditionFailed"):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 23 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
	})
	t.Run("an object is a plain file", func(t *testing.T) {
		if err := put(s3Client(t, ep), "full-r1/run/zero/model/config.json", "{}", false); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(ep.StateDir, "s3", ep.Bucket, "full-r1/run/zero/model/config.json"))
		if err != nil || string(got) != "{}" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("a wrong secret is refused", func(t *testing.T) {
		bad := ep
		bad.SecretKey = strings.Repeat("0", len(ep.SecretKey))
		if err := put(s3Client(t, bad), "x", "x", false); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("the secret is in one file, for its owner only", func(t *testing.T) {
		info, err := os.Stat(ep.CredentialsFile)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", ep, ep, ep, ep); strings.Contains(text, ep.SecretKey) {
			t.Error("printed endpoints hold the secret")
		}
		err = filepath.WalkDir(ep.StateDir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || path == ep.CredentialsFile || strings.HasPrefix(d.Name(), "temporal-") {
				return err
			}
			raw, err := os.ReadFile(path)
			if err == nil && bytes.Contains(raw, []byte(ep.SecretKey)) {
				t.Errorf("%s holds the secret", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		for _, p := range []int{ep.PID, s3PID(t, ep.StateDir)} {
			for _, f := range []string{"cmdline", "environ"} {
				if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p, f)); err != nil || bytes.Contains(raw, []byte(ep.SecretKey)) {
					t.Errorf("process %d %s: secret inside, or %v", p, f, err)
				}
			}
		}
	})
	t.Run("a second server is refused and the first stays", func(t *testing.T) {
		err := server.Run(t.Context(), server.RunOptions{StateDir: ep.StateDir})
		wantError(t, err, "server-already-running", fmt.Sprint(ep.PID))
		if st, err := server.Probe(ep.StateDir); err != nil || st.State != server.StateReady || st.Endpoints != ep {
			t.Errorf("%+v, %v", st, err)
		}
	})
	t.Run("stop leaves no process and may be repeated", func(t *testing.T) {
		srv, child := holders(t, ep.StateDir)
		for i, want := range []bool{true, false} {
			if was, err := server.Stop(t.Context(), ep.StateDir); err != nil || was != want {
				t.Fatalf("stop %d: %v, %v", i, was, err)
			}
		}
		if srv.Alive() || child.Alive() {
			t.Error("a process is left")
		}
		if st, err := server.Probe(ep.StateDir); err != nil || st.State != server.StateStopped || st.LastError != nil {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

func TestKilledProcessesComeBackWithEverything(t *testing.T) {
	o := options(t, scenario{})
	ep := ensure(t, o)
	store := s3Client(t, ep)
	if err := put(store, "keep", "this", false); err != nil {
		t.Fatal(err)
	}
	c := dial(t, ep)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "survivor", TaskQueue: "test"}, answer)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("the S3 server is started again on its port", func(t *testing.T) {
		_, before := holders(t, ep.StateDir)
		kill(t, before, syscall.SIGKILL)
		eventually(t, "S3 answers", func() bool { return put(store, "after", "that", false) == nil })
		_, after := holders(t, ep.StateDir)
		if after == before || !after.Alive() {
			t.Errorf("before %v, after %v", before, after)
		}
		if got := read(t, store, "keep"); got != "this" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a killed server takes its S3 server along", func(t *testing.T) {
		srv, child := holders(t, ep.StateDir)
		kill(t, srv, syscall.SIGKILL)
		eventually(t, "both are gone", func() bool { return !srv.Alive() && !child.Alive() })
		if st, err := server.Probe(ep.StateDir); err != nil || st.State != server.StateStopped {
			t.Errorf("%+v, %v", st, err)
		}
	})
	t.Run("the next server has the same addresses, objects and workflows", func(t *testing.T) {
		again := ensure(t, o)
		if again.PID == ep.PID {
			t.Fatal("the same process")
		}
		before, after := ep, again
		for _, e := range []*server.Endpoints{&before, &after} {
			e.PID, e.ProcessStart, e.Started = 0, "", time.Time{}
		}
		if before != after {
			t.Errorf("before %s, after %s", before, after)
		}
		if got := read(t, store, "keep"); got != "this" { // a client that knows only the old address
			t.Errorf("got %q", got)
		}
		w := worker.New(c, "test", worker.Options{})
		w.RegisterWorkflow(answer)
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		var got int
		if err := run.Get(t.Context(), &got); err != nil || got != 42 {
			t.Errorf("%d, %v", got, err)
		}
	})
	t.Run("an S3 server that does not follow its parent is replaced", func(t *testing.T) {
		srv, child := holders(t, ep.StateDir)
		kill(t, child, syscall.SIGSTOP)
		kill(t, srv, syscall.SIGKILL)
		eventually(t, "the server is gone", func() bool { return !srv.Alive() })
		ensure(t, o)
		if child.Alive() {
			t.Error("the old S3 server is left")
		}
		if got := read(t, store, "keep"); got != "this" {
			t.Errorf("got %q", got)
		}
	})
}

func TestFailedStartIsOneErrorAndLeavesNothing(t *testing.T) {
	newer := filepath.Join(t.TempDir(), "newer")
	mustWrite(t, filepath.Join(newer, "version"), "2\n")

	busyPort := filepath.Join(t.TempDir(), "busy")
	dir, err := statedir.Open(busyPort)
	if err != nil {
		t.Fatal(err)
	}
	ports, err := dir.Ports()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", statedir.Address(ports.S3))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	cases := map[string]struct {
		scenario scenario
		name     string
		says     []string
	}{
		"a kept port is taken":    {scenario{StateDir: busyPort}, "port-in-use", []string{fmt.Sprint(ports.S3), "ports.json", "S3"}},
		"newer state directory":   {scenario{StateDir: newer}, "state-dir-newer", []string{newer, "version 2"}},
		"full disk":               {scenario{MinFree: 1 << 60}, "disk-full", []string{"MiB free"}},
		"the worker cannot start": {scenario{WorkerError: "no python"}, "server-failed", []string{"no python"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := options(t, c.scenario)
			_, err := server.Ensure(t.Context(), o)
			wantError(t, err, c.name, c.says...)
			st, err := server.Probe(o.StateDir)
			if err != nil || st.State != server.StateStopped {
				t.Errorf("%+v, %v", st, err)
			}
			if _, child := holders(t, o.StateDir); child.Alive() {
				t.Error("an S3 server is left")
			}
			if c.name != "state-dir-newer" && (st.LastError == nil || st.LastError.Name != c.name) {
				t.Errorf("last error %v", st.LastError)
			}
		})
	}
}

func TestGivingUpOnAStartLeavesNothing(t *testing.T) {
	o := options(t, scenario{NeverReady: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(step string) {
		if strings.Contains(step, "Temporal") {
			cancel()
		}
	}
	if _, err := server.Ensure(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	srv, child := holders(t, o.StateDir)
	if srv.Alive() || child.Alive() {
		t.Error("a process is left")
	}
}

func TestServerEndsWhenIdleAndOnlyThen(t *testing.T) {
	o := options(t, scenario{IdleTimeout: 300 * time.Millisecond})
	ep := ensure(t, o)
	c := dial(t, ep)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "open", TaskQueue: "test"}, answer)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // much longer than the idle timeout
	if st, err := server.Probe(o.StateDir); err != nil || st.State != server.StateReady {
		t.Fatalf("ended with an open workflow: %+v, %v", st, err)
	}
	ctx, leave := context.WithCancel(t.Context())
	lease := make(chan error, 1)
	go func() { lease <- touching(ctx, o.StateDir) }()
	if err := c.TerminateWorkflow(t.Context(), run.GetID(), run.GetRunID(), "test"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	if st, err := server.Probe(o.StateDir); err != nil || st.State != server.StateReady {
		t.Fatalf("ended with a client: %+v, %v", st, err)
	}
	leave()
	if err := <-lease; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server ends", func() bool {
		st, err := server.Probe(o.StateDir)
		return err == nil && st.State == server.StateStopped
	})
	if st, err := server.Probe(o.StateDir); err != nil || st.LastError != nil {
		t.Errorf("%+v, %v", st, err)
	}
}

// touching is a client that needs the server.
func touching(ctx context.Context, stateDir string) error {
	for ctx.Err() == nil {
		if err := server.Touch(stateDir); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

func answer(workflow.Context) (int, error) { return 42, nil }

func dial(t *testing.T, ep server.Endpoints) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: ep.TemporalAddress, Namespace: ep.Namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// s3Client is configured as any program on the machine would be: by the credentials file.
func s3Client(t *testing.T, ep server.Endpoints) *s3.Client {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	mustWrite(t, file, fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", ep.AccessKey, ep.SecretKey))
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithSharedCredentialsFiles([]string{file}),
		config.WithSharedConfigFiles(nil), config.WithRegion(ep.S3Region), config.WithBaseEndpoint(ep.S3Endpoint))
	if err != nil {
		t.Fatal(err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func put(c *s3.Client, key, body string, absent bool) error {
	bucket, any := server.Bucket, "*"
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}
	if absent {
		in.IfNoneMatch = &any
	}
	_, err := c.PutObject(context.Background(), in)
	return err
}

func read(t *testing.T, c *s3.Client, key string) string {
	t.Helper()
	bucket := server.Bucket
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	raw, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func kill(t *testing.T, p statedir.Process, sig syscall.Signal) {
	t.Helper()
	if !p.Alive() {
		t.Fatalf("process %d is not alive", p.PID)
	}
	if err := p.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func s3PID(t *testing.T, stateDir string) int {
	t.Helper()
	_, child := holders(t, stateDir)
	return child.PID
}

func wantError(t *testing.T, err error, name string, says ...string) {
	t.Helper()
	e, ok := r1.AsError(err)
	if !ok || e.Name != name || e.Remedy == "" {
		t.Fatalf("want error %s with a remedy, got %#v", name, err)
	}
	for _, s := range says {
		if !strings.Contains(e.Error(), s) {
			t.Errorf("%q does not say %q", e.Error(), s)
		}
	}
}

func mustWrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
