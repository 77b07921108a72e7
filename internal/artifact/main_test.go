package artifact

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The tests run against a real S3 server, the gateway that r1ctl embeds. It
// allows one instance a process and changes the working directory, so it runs in
// a second process of this test binary, which ends when its stdin closes.
const (
	serverDirEnv  = "R1CTL_TEST_S3_DIR"
	serverAddrEnv = "R1CTL_TEST_S3_ADDR"
	testAccess    = "test-access"
	testSecret    = "test-secret-that-must-never-be-shown"
)

var testEndpoint string // set once by TestMain

func TestMain(m *testing.M) {
	if os.Getenv(serverDirEnv) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code, err := runWithServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func serve() error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	backend, err := posix.New(os.Getenv(serverDirEnv), meta.XattrMeta{}, posix.PosixOpts{})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(context.Background(), backend, &embedgw.Config{
		RootUserAccess: testAccess, RootUserSecret: testSecret, Ports: []string{os.Getenv(serverAddrEnv)},
		MaxConnections: 512, MaxRequests: 512, MultipartMaxParts: 10000, KeepAlive: true, Quiet: true,
	})
}

func runWithServer(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "r1ctl-artifact-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverDirEnv+"="+dir, serverAddrEnv+"="+address)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer cmd.Wait()
	defer stdin.Close()
	testEndpoint = "http://" + address
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return m.Run(), nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("the test S3 server did not start: %w", err)
		}
	}
}

func testConfig() Config {
	return Config{Endpoint: testEndpoint, Bucket: "b" + strings.ToLower(rand.Text()),
		AccessKey: testAccess, SecretKey: testSecret, PathStyle: true, Embedded: true, DedupMin: 1 << 20}
}

// newStore makes a store with a new bucket. Files of 1 MiB are large in it.
func newStore(t *testing.T) *Store {
	t.Helper()
	return openStore(t, testConfig())
}

func openStore(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.rangeSize = 1 << 20
	if err := s.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// behindFaults is a store on the same server and bucket whose requests pass
// through fault first. fault answers the request itself and returns true, or
// lets it pass.
func behindFaults(t *testing.T, bucket string, fault func(w http.ResponseWriter, r *http.Request, next http.Handler) bool) *Store {
	t.Helper()
	target, err := url.Parse(testEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	next := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fault(w, r, next) {
			next.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	cfg := testConfig()
	cfg.Endpoint, cfg.Bucket = proxy.URL, bucket
	return openStore(t, cfg)
}

// loseReply lets the request reach the server, and cuts the connection instead of answering.
func loseReply(r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func noisy(n int, seed byte) []byte {
	b := make([]byte, n)
	x := uint32(seed) + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func writeFiles(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sameFolder checks that dir holds these files and nothing else.
func sameFolder(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found++
		rel, _ := filepath.Rel(dir, p)
		got, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if want, ok := files[filepath.ToSlash(rel)]; !ok || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes that were not uploaded under that name", rel, len(got))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found != len(files) {
		t.Errorf("%d files, want %d", found, len(files))
	}
}

func wantError(t *testing.T, err error, name string) *r1.Error {
	t.Helper()
	e, ok := r1.AsError(err)
	if !ok || e.Name != name {
		t.Fatalf("error %v, want %s", err, name)
	}
	if e.Remedy == "" {
		t.Errorf("%s has no remedy", name)
	}
	return e
}

func model() map[string][]byte {
	return map[string][]byte{
		"config.json":           []byte(`{"architectures": ["Qwen2ForCausalLM"]}`),
		"model.safetensors":     noisy(5<<20+123, 1),
		"tokenizer/vocab.txt":   noisy(4096, 2),
		"empty":                 {},
		"naïve name +%&=?.json": []byte("{}"),
	}
}

func options(prefix string) UploadOptions {
	return UploadOptions{Name: "zero.model", Type: r1.TypeModel, Prefix: prefix,
		Producer: r1.JobKey{Run: "run", Stage: "zero", Job: "main"}.Attempt(1)}
}

func upload(t *testing.T, s *Store, dir, prefix string) r1.Artifact {
	t.Helper()
	a, err := s.Upload(t.Context(), dir, options(prefix))
	if err != nil {
		t.Fatal(err)
	}
	return a
}
