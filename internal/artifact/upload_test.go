package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestArtifactRoundTrip(t *testing.T) {
	s := newStore(t)
	files := model()
	a := upload(t, s, writeFiles(t, files), "recipe/run/zero/model")
	if a.Files != 5 || a.URI != "s3://"+s.bucket+"/recipe/run/zero/model" || a.Name != "zero.model" || a.Bytes < 5<<20 {
		t.Errorf("artifact %+v", a)
	}
	var last, total int64
	dir := filepath.Join(t.TempDir(), "in")
	err := s.Download(t.Context(), a, dir, DownloadOptions{Progress: func(d, n int64) { last, total = d, n }})
	if err != nil {
		t.Fatal(err)
	}
	sameFolder(t, dir, files)
	if last != a.Bytes || total != a.Bytes {
		t.Errorf("progress ended at %d of %d, want %d", last, total, a.Bytes)
	}
	// Any S3 client finds the artifact whole below its readable prefix.
	for path, data := range files {
		got, err := s.GetBytes(t.Context(), a.Prefix+"/"+path)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %v", path, err)
		}
	}
	m, err := s.Manifest(t.Context(), a)
	if err != nil || len(m.Files) != 5 || m.Producer.Stage != "zero" || m.Files[0].Path != "config.json" {
		t.Errorf("manifest %+v, %v", m, err)
	}
	r, err := s.OpenFile(t.Context(), a, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, files["model.safetensors"]) {
		t.Errorf("opened file: %d bytes, %v", len(got), err)
	}
	if _, err := s.OpenFile(t.Context(), a, "other"); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("file that is not there: %v", err)
	}
}

func TestRepeatedUploadIsTheSameArtifact(t *testing.T) {
	s := newStore(t)
	files := model()
	first := upload(t, s, writeFiles(t, files), "p/model")
	again := upload(t, s, writeFiles(t, files), "p/model")
	if first != again {
		t.Errorf("%+v, then %+v", first, again)
	}
	elsewhere := upload(t, s, writeFiles(t, files), "q/model")
	if elsewhere.SHA256 != first.SHA256 {
		t.Error("equal content has two digests")
	}
	files["config.json"] = []byte("{}")
	_, err := s.Upload(t.Context(), writeFiles(t, files), options("p/model"))
	wantError(t, err, "artifact-exists")
	if other := upload(t, s, writeFiles(t, files), "r/model"); other.SHA256 == first.SHA256 {
		t.Error("other content has the same digest")
	}
}

func TestEqualLargeFilesAreStoredOnce(t *testing.T) {
	s := newStore(t)
	files := model()
	upload(t, s, writeFiles(t, files), "p/model")
	second := upload(t, s, writeFiles(t, files), "q/model")
	m, err := s.Manifest(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.Files {
		want := "q/model/" + e.Path
		if e.Path == "model.safetensors" {
			want = "p/model/" + e.Path
		}
		if e.Key != want {
			t.Errorf("%s is at %s, want %s", e.Path, e.Key, want)
		}
	}
	dir := t.TempDir()
	if err := s.Download(t.Context(), second, dir, DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	sameFolder(t, dir, files)

	// An index that leads nowhere, or to other bytes, is not believed.
	for name, spoil := range map[string]func() error{
		"deleted":  func() error { return s.Delete(t.Context(), "p/model/model.safetensors") },
		"replaced": func() error { return s.PutBytes(t.Context(), "p/model/model.safetensors", noisy(5<<20+123, 9)) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		a := upload(t, s, writeFiles(t, files), name+"/model")
		m, err := s.Manifest(t.Context(), a)
		if err != nil || m.Files[2].Key != name+"/model/model.safetensors" {
			t.Errorf("%s: %+v, %v", name, m.Files, err)
		}
		// Point the index back, for the next case.
		if err := s.register(t.Context(), r1.ManifestEntry{SHA256: m.Files[2].SHA256, Size: m.Files[2].Size,
			Key: "p/model/model.safetensors"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInterruptedUploadGoesOn(t *testing.T) {
	s := newStore(t)
	files := map[string][]byte{}
	for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
		files[name] = noisy(200_000+i, byte(i))
	}
	dir := writeFiles(t, files)
	ctx, kill := context.WithCancel(t.Context())
	var stored atomic.Int32
	dying := behindFaults(t, s.bucket, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/p/model/") && stored.Add(1) > 3 {
			kill()
			return true
		}
		return false
	})
	dying.parallel = 1
	if _, err := dying.Upload(ctx, dir, options("p/model")); !errors.Is(err, context.Canceled) {
		t.Fatalf("killed upload: %v", err)
	}
	there, err := s.FilesUnder(t.Context(), "p/model")
	if err != nil || len(there) != 3 {
		t.Fatalf("%d objects after the kill, %v", len(there), err)
	}
	if _, err := s.Manifest(t.Context(), r1.Artifact{Prefix: "p/model"}); !errors.Is(err, r1.ErrNotFound) {
		t.Fatalf("an incomplete artifact has a manifest: %v", err)
	}
	var again sync.Map
	counted := behindFaults(t, s.bucket, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPut && r.URL.Path != "/"+s.bucket {
			again.Store(r.URL.Path, true)
		}
		return false
	})
	a := upload(t, counted, dir, "p/model")
	for _, o := range there {
		if _, ok := again.Load("/" + s.bucket + "/" + o.Key); ok {
			t.Errorf("%s was sent again", o.Key)
		}
	}
	target := t.TempDir()
	if err := s.Download(t.Context(), a, target, DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	sameFolder(t, target, files)
}

// With multipart the last request may succeed and its reply be lost, and an
// earlier, killed upload may have left parts behind.
func TestUploadInParts(t *testing.T) {
	s := newStore(t)
	data := noisy(17<<20+5, 4) // servers refuse parts below 5 MiB
	files := map[string][]byte{"model.safetensors": data}
	var lost atomic.Bool
	parts := behindFaults(t, s.bucket, func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && lost.CompareAndSwap(false, true) {
			loseReply(r, next)
		}
		return false
	})
	parts.multipartAbove, parts.partSize = 5<<20, 5<<20
	dir := writeFiles(t, files)

	ctx, kill := context.WithCancel(t.Context())
	dying := behindFaults(t, s.bucket, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Query().Get("partNumber") == "3" {
			kill()
			panic(http.ErrAbortHandler)
		}
		return r.Method == http.MethodDelete // as if killed: it cannot tidy up
	})
	dying.multipartAbove, dying.partSize = 5<<20, 5<<20
	if _, err := dying.Upload(ctx, dir, options("p/model")); !errors.Is(err, context.Canceled) {
		t.Fatalf("killed upload: %v", err)
	}
	a := upload(t, parts, dir, "p/model")
	if !lost.Load() {
		t.Error("no reply was lost")
	}
	target := t.TempDir()
	if err := s.Download(t.Context(), a, target, DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	sameFolder(t, target, files)
	left, err := os.ReadDir(filepath.Join(target, partialDir))
	if err == nil {
		t.Errorf("unfinished downloads: %v", left)
	}
}

func TestFilesThatChangeAreRefused(t *testing.T) {
	ctx := t.Context()
	for name, change := range map[string]func(dir string) error{
		"rewritten": func(dir string) error { return os.WriteFile(filepath.Join(dir, "b"), noisy(1000, 9), 0o644) },
		"grown": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "b"), noisy(2000, 2), 0o644)
		},
		"shrunk":  func(dir string) error { return os.Truncate(filepath.Join(dir, "b"), 10) },
		"added":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "c"), nil, 0o644) },
		"removed": func(dir string) error { return os.Remove(filepath.Join(dir, "b")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeFiles(t, map[string][]byte{"a": noisy(1000, 1), "b": noisy(1000, 2)})
			var once sync.Once
			bucket := testConfig().Bucket
			s := behindFaults(t, bucket, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/b") {
					once.Do(func() {
						if err := change(dir); err != nil {
							t.Error(err)
						}
					})
				}
				return false
			})
			_, err := s.Upload(ctx, dir, options("p/model"))
			if name == "removed" && errors.Is(err, os.ErrNotExist) {
				err = changed("b", "was removed") // said by the file system itself
			}
			wantError(t, err, "artifact-changed")
			if there, err := s.Exists(ctx, "p/model/"+r1.ManifestFile); err != nil || there {
				t.Errorf("manifest there: %v, %v", there, err)
			}
		})
	}
}

// The server is asked to store a digest, not just bytes: a change that no time
// stamp shows is refused by it.
func TestServerRefusesBytesThatWereNotHashed(t *testing.T) {
	s := newStore(t)
	d, err := s.hashFile(t.Context(), bytes.NewReader(noisy(1000, 1)), 1000)
	if err != nil {
		t.Fatal(err)
	}
	err = s.putFile(t.Context(), "x", bytes.NewReader(noisy(1000, 2)), d, nil)
	if !isWrongDigest(err) {
		t.Errorf("put of other bytes: %v", err)
	}
	if there, err := s.Exists(t.Context(), "x"); err != nil || there {
		t.Errorf("other bytes were stored: %v, %v", there, err)
	}
}

func TestFoldersThatAreNoArtifact(t *testing.T) {
	s := newStore(t)
	outside := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(target string) func(dir string) error {
		return func(dir string) error { return os.Symlink(target, filepath.Join(dir, "link")) }
	}
	for name, c := range map[string]struct {
		prepare func(dir string) error
		want    string
	}{
		"empty":                  {func(string) error { return nil }, "artifact-empty"},
		"link out of it":         {link(outside), "artifact-not-a-file"},
		"relative link out":      {link("../../etc/hostname"), "artifact-not-a-file"},
		"link to a folder":       {link("."), "artifact-not-a-file"},
		"dangling link":          {link("nothing"), "artifact-not-a-file"},
		"a file named manifest":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "manifest.json"), nil, 0o644) }, "artifact-bad-path"},
		"a name with line break": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o644) }, "artifact-bad-path"},
	} {
		dir := t.TempDir()
		if err := c.prepare(dir); err != nil {
			t.Fatal(err)
		}
		_, err := s.Upload(t.Context(), dir, options("p/model"))
		if e, ok := r1.AsError(err); !ok || e.Name != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	// Links inside the folder are files like others.
	dir := writeFiles(t, map[string][]byte{"blob": []byte("x")})
	if err := os.Symlink("blob", filepath.Join(dir, "name")); err != nil {
		t.Fatal(err)
	}
	if a := upload(t, s, dir, "p/linked"); a.Files != 2 || a.Bytes != 2 {
		t.Errorf("%+v", a)
	}
}

func TestCheckpointFiles(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	weights := noisy(2<<20, 7)
	dir := writeFiles(t, map[string][]byte{"weights": weights, "optimizer": noisy(1000, 8), "COMPLETE": []byte("{}")})
	list := []File{{"weights", 2 << 20, digest(weights)}, {"optimizer", 1000, digest(noisy(1000, 8))}}
	entries, err := s.UploadFiles(ctx, dir, "job/1/checkpoints/step-40", list, nil)
	if err != nil || len(entries) != 2 || entries[0].Path != "optimizer" {
		t.Fatalf("%+v, %v", entries, err)
	}
	target := t.TempDir()
	if err := s.DownloadFiles(ctx, "step-40", entries, target, DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	sameFolder(t, target, map[string][]byte{"weights": weights, "optimizer": noisy(1000, 8)})
	// A checkpoint is deleted one day, so nothing may point to it.
	a := upload(t, s, writeFiles(t, map[string][]byte{"weights": weights}), "p/model")
	m, err := s.Manifest(ctx, a)
	if err != nil || m.Files[0].Key != "p/model/weights" {
		t.Errorf("%+v, %v", m.Files, err)
	}
	for name, bad := range map[string]File{
		"other digest": {"optimizer", 1000, digest(nil)},
		"other size":   {"optimizer", 999, digest(noisy(1000, 8))},
	} {
		_, err = s.UploadFiles(ctx, dir, "job/1/checkpoints/step-50", []File{bad}, nil)
		if e, ok := r1.AsError(err); !ok || e.Name != "artifact-changed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = s.UploadFiles(ctx, dir, "job/1/checkpoints/step-50", []File{{"../x", 1, ""}}, nil)
	wantError(t, err, "artifact-bad-path")
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
