package artifact

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact/gatewaytest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestMain(m *testing.M) { os.Exit(gatewaytest.Main(m)) }

func testConfig() Config {
	return Config{Endpoint: gatewaytest.Endpoint(), Bucket: "b" + strings.ToLower(rand.Text()),
		AccessKey: gatewaytest.Access, SecretKey: gatewaytest.Secret, PathStyle: true, Embedded: true, DedupMin: 1 << 20}
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
	target, err := url.Parse(gatewaytest.Endpoint())
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
