package reporttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Memory is a store in memory, with the same answers as the real one.
type Memory map[string][]byte

// Put writes a record.
func (m Memory) Put(t testing.TB, key string, v any) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	m[key] = raw
}

// GetJSON implements report.Store.
func (m Memory) GetJSON(_ context.Context, key string, v any) error {
	raw, ok := m[key]
	if !ok {
		return fmt.Errorf("read %s: %w", key, r1.ErrNotFound)
	}
	return json.Unmarshal(raw, v)
}

// PutJSON implements report.Store.
func (m Memory) PutJSON(_ context.Context, key string, v any) error {
	raw, err := json.Marshal(v)
	m[key] = raw
	return err
}

// PutJSONIfAbsent implements report.Store.
func (m Memory) PutJSONIfAbsent(ctx context.Context, key string, v any) (bool, error) {
	if _, there := m[key]; there {
		return false, nil
	}
	return true, m.PutJSON(ctx, key, v)
}

// Keys lists the keys that start with a prefix, in their order.
func (m Memory) Keys(prefix string) []string {
	var out []string
	for k := range m {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// List implements report.Store.
func (m Memory) List(_ context.Context, prefix string) iter.Seq2[artifact.Object, error] {
	return func(yield func(artifact.Object, error) bool) {
		for _, k := range m.Keys(prefix) {
			if !yield(artifact.Object{Key: k, Size: int64(len(m[k]))}, nil) {
				return
			}
		}
	}
}

// ListPrefixes implements report.Store.
func (m Memory) ListPrefixes(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		last := ""
		for _, k := range m.Keys(prefix) {
			head, _, below := strings.Cut(k[len(prefix):], "/")
			if below && head != last {
				last = head
				if !yield(prefix+head+"/", nil) {
					return
				}
			}
		}
	}
}

// FindCommit implements report.Store.
func (m Memory) FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error) {
	var c r1.Commit
	return c, m.GetJSON(ctx, l.Commit(key), &c)
}

// FilesUnder implements report.Store.
func (m Memory) FilesUnder(ctx context.Context, folder string) ([]artifact.Object, error) {
	var out []artifact.Object
	for o := range m.List(ctx, folder+"/") {
		out = append(out, o)
	}
	return out, nil
}

// Get implements report.Store.
func (m Memory) Get(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	raw, ok := m[key]
	if !ok {
		return nil, fmt.Errorf("read %s: %w", key, r1.ErrNotFound)
	}
	raw = raw[min(offset, int64(len(raw))):]
	if length >= 0 {
		raw = raw[:min(length, int64(len(raw)))]
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

// OpenFile implements report.Store.
func (m Memory) OpenFile(ctx context.Context, a r1.Artifact, file string) (io.ReadCloser, error) {
	return m.Get(ctx, path.Join(a.Prefix, file), 0, -1)
}
