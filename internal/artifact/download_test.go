package artifact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestCorruptionIsNamed(t *testing.T) {
	ctx := t.Context()
	flip := func(data []byte) []byte {
		c := bytes.Clone(data)
		c[len(c)/2] ^= 1
		return c
	}
	files := model()
	for name, c := range map[string]struct {
		path  string
		spoil func(s *Store, key string, data []byte) error
		found string
	}{
		"bit in a large file": {"model.safetensors", func(s *Store, key string, data []byte) error {
			return s.PutBytes(ctx, key, flip(data))
		}, "sha256 " + digest(flip(files["model.safetensors"]))},
		"bit in a small file": {"tokenizer/vocab.txt", func(s *Store, key string, data []byte) error {
			return s.PutBytes(ctx, key, flip(data))
		}, "sha256 " + digest(flip(files["tokenizer/vocab.txt"]))},
		"longer": {"config.json", func(s *Store, key string, data []byte) error {
			return s.PutBytes(ctx, key, append(bytes.Clone(data), '\n'))
		}, "40 bytes"},
		"deleted": {"config.json", func(s *Store, key string, _ []byte) error {
			return s.Delete(ctx, key)
		}, "no object"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			a := upload(t, s, writeFiles(t, files), "p/model")
			if err := c.spoil(s, "p/model/"+c.path, files[c.path]); err != nil {
				t.Fatal(err)
			}
			check := func(err error) {
				t.Helper()
				e := wantError(t, err, "artifact-corrupt")
				if !strings.Contains(e.Detail, c.path) || !strings.Contains(e.Detail, c.found) {
					t.Errorf("detail %q, want file %s and %s", e.Detail, c.path, c.found)
				}
			}
			dir := t.TempDir()
			check(s.Download(ctx, a, dir, DownloadOptions{}))
			check(s.Download(ctx, a, t.TempDir(), DownloadOptions{CacheDir: t.TempDir()}))
			if _, err := os.Stat(filepath.Join(dir, c.path)); err == nil {
				t.Error("the corrupt file appeared under its name")
			}
			r, err := s.OpenFile(ctx, a, c.path)
			if err == nil {
				defer r.Close()
				_, err = io.Copy(io.Discard, r)
			}
			check(err)
		})
	}
}

func TestManifestsAreNotTrusted(t *testing.T) {
	ctx := t.Context()
	s := newStore(t)
	a := upload(t, s, writeFiles(t, map[string][]byte{"x": []byte("x")}), "p/model")
	good, err := s.Manifest(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]r1.ManifestEntry{
		"traversal":         {Path: "../evil"},
		"hidden traversal":  {Path: "a/../../evil"},
		"absolute":          {Path: "/tmp/evil"},
		"backslash":         {Path: `..\evil`},
		"the manifest":      {Path: "manifest.json"},
		"our partial files": {Path: ".r1-partial/x"},
		"twice":             {Path: "x"},
		"key out of bucket": {Path: "y", Key: "../other/key"},
		"no digest":         {Path: "y", SHA256: "abc"},
		"negative size":     {Path: "y", Size: -1},
	} {
		entry := good.Files[0]
		entry.Path = bad.Path
		if bad.Key != "" {
			entry.Key = bad.Key
		}
		if bad.SHA256 != "" {
			entry.SHA256 = bad.SHA256
		}
		if bad.Size != 0 {
			entry.Size = bad.Size
		}
		m := good
		m.Files = append([]r1.ManifestEntry{good.Files[0]}, entry)
		if err := s.PutJSON(ctx, "p/model/manifest.json", m); err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		forged := a
		forged.SHA256 = r1.ContentDigest(m.Files)
		err := s.Download(ctx, forged, filepath.Join(parent, "in"), DownloadOptions{})
		if e, ok := r1.AsError(err); !ok || e.Name != "artifact-corrupt" {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(parent); len(left) > 1 {
			t.Errorf("%s: files outside the target: %v", name, left)
		}
	}
	// A manifest that is fine in itself but not the one that was committed.
	m := good
	m.Files[0].SHA256 = digest([]byte("y"))
	if err := s.PutJSON(ctx, "p/model/manifest.json", m); err != nil {
		t.Fatal(err)
	}
	_, err = s.Manifest(ctx, a)
	wantError(t, err, "artifact-corrupt")
	_, err = s.Manifest(ctx, r1.Artifact{Name: "zero.model", Prefix: "nowhere"})
	if e := wantError(t, err, "artifact-missing"); !errors.Is(e, r1.ErrNotFound) {
		t.Errorf("%v is not r1.ErrNotFound", err)
	}
}

func TestDownloadDoesNotLeaveTheFolderThroughALink(t *testing.T) {
	s := newStore(t)
	a := upload(t, s, writeFiles(t, map[string][]byte{"sub/x": []byte("x")}), "p/model")
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "sub")); err != nil {
		t.Fatal(err)
	}
	if err := s.Download(t.Context(), a, dir, DownloadOptions{}); err == nil {
		t.Error("the download followed a link out of its folder")
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("written outside: %v", left)
	}
}

func TestInterruptedDownloadGoesOn(t *testing.T) {
	s := newStore(t)
	files := model()
	a := upload(t, s, writeFiles(t, files), "p/model")
	dir := t.TempDir()
	ctx, kill := context.WithCancel(t.Context())
	s.parallel = 1 // files come in the order of the manifest
	dying := behindFaults(t, s.bucket, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "vocab.txt") {
			kill()
			panic(http.ErrAbortHandler)
		}
		return false
	})
	dying.parallel = 1
	if err := dying.Download(ctx, a, dir, DownloadOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("killed download: %v", err)
	}
	var large atomic.Bool
	counted := behindFaults(t, s.bucket, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.HasSuffix(r.URL.Path, "model.safetensors") {
			large.Store(true)
		}
		return false
	})
	// What a kill -9 leaves behind is no obstacle.
	if err := os.MkdirAll(filepath.Join(dir, partialDir, "0"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := counted.Download(t.Context(), a, dir, DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	sameFolder(t, dir, files)
	if large.Load() {
		t.Error("a file that was there already was fetched again")
	}
}

func TestCacheIsSharedAndChecked(t *testing.T) {
	s := newStore(t)
	files := model()
	a := upload(t, s, writeFiles(t, files), "p/model")
	cacheDir := t.TempDir()
	var gets atomic.Int32
	counted := behindFaults(t, s.bucket, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, r1.ManifestFile) {
			gets.Add(1)
		}
		return false
	})
	fetch := func() (string, int32) {
		t.Helper()
		gets.Store(0)
		dir := t.TempDir()
		if err := counted.Download(t.Context(), a, dir, DownloadOptions{CacheDir: cacheDir}); err != nil {
			t.Fatal(err)
		}
		sameFolder(t, dir, files)
		return dir, gets.Load()
	}
	if _, n := fetch(); n == 0 {
		t.Error("the first download came from nowhere")
	}
	dir, n := fetch()
	if n != 0 {
		t.Errorf("%d requests for cached files", n)
	}
	info, err := os.Stat(filepath.Join(dir, "model.safetensors"))
	if err != nil || info.Mode().Perm() != 0o444 {
		t.Errorf("cached files are not read-only: %v, %v", info.Mode(), err)
	}
	// A program (as root) writes through a link, and puts the time stamp back.
	damaged := filepath.Join(dir, "model.safetensors")
	if err := os.Chmod(damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(damaged, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("spoiled"), 1000); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Chtimes(damaged, time.Now(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, n := fetch(); n == 0 {
		t.Error("a damaged cache entry was used")
	}
	if _, n := fetch(); n != 0 {
		t.Error("the damaged entry was not replaced")
	}
}
