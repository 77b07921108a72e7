package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// fakeStore is a folder that stands in for S3, also between processes. While
// the file "<dir>.down" exists it refuses connections.
type fakeStore struct{ dir string }

func (s fakeStore) downFile() string       { return s.dir + ".down" }
func (s fakeStore) file(key string) string { return filepath.Join(s.dir, filepath.FromSlash(key)) }

func (s fakeStore) up() error {
	if _, err := os.Stat(s.downFile()); err == nil {
		return fmt.Errorf("fake S3: %w", syscall.ECONNREFUSED)
	}
	return nil
}

func (s fakeStore) PutBytes(_ context.Context, key string, data []byte) error {
	if err := errors.Join(s.up(), artifact.CheckKey(key)); err != nil {
		return err
	}
	file := s.file(key)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(s.dir, ".put-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	return errors.Join(err, tmp.Close(), os.Rename(tmp.Name(), file))
}

func (s fakeStore) get(key string) ([]byte, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(s.file(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r1.ErrNotFound
	}
	return raw, err
}

func (s fakeStore) GetJSON(_ context.Context, key string, v any) error {
	raw, err := s.get(key)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func (s fakeStore) PutJSON(ctx context.Context, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.PutBytes(ctx, key, raw)
}

func (s fakeStore) PutJSONIfAbsent(ctx context.Context, key string, v any) (bool, error) {
	if _, err := s.get(key); !errors.Is(err, r1.ErrNotFound) {
		return false, err
	}
	return true, s.PutJSON(ctx, key, v)
}

func (s fakeStore) Download(ctx context.Context, a r1.Artifact, dir string, o artifact.DownloadOptions) error {
	var m r1.Manifest
	if err := s.GetJSON(ctx, path.Join(a.Prefix, r1.ManifestFile), &m); err != nil {
		return err
	}
	return s.DownloadFiles(ctx, a.Name, m.Files, dir, o)
}

func (s fakeStore) DownloadFiles(_ context.Context, _ string, files []r1.ManifestEntry, dir string, _ artifact.DownloadOptions) error {
	for _, f := range files {
		raw, err := s.get(f.Key)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, f.Path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, raw, 0o600)); err != nil {
			return err
		}
	}
	return nil
}

func (s fakeStore) Upload(ctx context.Context, dir string, o artifact.UploadOptions) (r1.Artifact, error) {
	var files []artifact.File
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(p)
		rel, relErr := filepath.Rel(dir, p)
		files = append(files, artifact.File{Path: rel, Size: int64(len(raw)), SHA256: digest(raw)})
		return errors.Join(err, relErr)
	})
	if err != nil {
		return r1.Artifact{}, err
	}
	entries, err := s.UploadFiles(ctx, dir, o.Prefix, files, nil)
	if err != nil {
		return r1.Artifact{}, err
	}
	m := r1.Manifest{Version: 1, Name: o.Name, Type: o.Type, Producer: o.Producer, Files: entries}
	ref := r1.Artifact{Name: o.Name, Type: o.Type, Prefix: o.Prefix, SHA256: r1.ContentDigest(entries), Bytes: m.Bytes(), Files: len(entries)}
	return ref, s.PutJSON(ctx, path.Join(o.Prefix, r1.ManifestFile), m)
}

func (s fakeStore) UploadFiles(ctx context.Context, dir, prefix string, files []artifact.File, _ func(done, total int64)) ([]r1.ManifestEntry, error) {
	var entries []r1.ManifestEntry
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Path))
		if err != nil {
			return nil, err
		}
		if digest(raw) != f.SHA256 {
			return nil, &r1.Error{Name: "artifact-changed", Detail: f.Path + " is not what was declared"}
		}
		e := r1.ManifestEntry{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Key: path.Join(prefix, f.Path)}
		if err := s.PutBytes(ctx, e.Key, raw); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (s fakeStore) AnyDoomed(context.Context, []r1.ManifestEntry) (bool, error) { return false, s.up() }

func (s fakeStore) FilesUnder(_ context.Context, folder string) ([]artifact.Object, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	var objects []artifact.Object
	err := filepath.WalkDir(s.file(folder), func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, relErr := filepath.Rel(s.dir, p)
		info, err := d.Info()
		if err == nil {
			objects = append(objects, artifact.Object{Key: filepath.ToSlash(rel), Size: info.Size()})
		}
		return errors.Join(err, relErr)
	})
	return objects, err
}

func (s fakeStore) Delete(_ context.Context, key string) error {
	if err := s.up(); err != nil {
		return err
	}
	if err := os.Remove(s.file(key)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// keys lists what is stored below a prefix.
func (s fakeStore) keys(prefix string) string {
	objects, err := s.FilesUnder(context.Background(), prefix)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, o := range objects {
		b.WriteString(o.Key + "\n")
	}
	return b.String()
}
