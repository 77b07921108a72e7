package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// errCut looks like an S3 that is away: what was not stored is not given up.
var errCut = fmt.Errorf("the agent is dead: %w", syscall.ECONNREFUSED)

// mortalStore is a store whose agent dies before its n-th change; look sees what
// lies in S3 after each.
type mortalStore struct {
	fakeStore
	left *int
	look func()
}

func (s mortalStore) change(do func() error) error {
	if *s.left == 0 {
		return errCut
	}
	*s.left--
	err := do()
	s.look()
	return err
}

func (s mortalStore) PutJSON(ctx context.Context, key string, v any) error {
	return s.change(func() error { return s.fakeStore.PutJSON(ctx, key, v) })
}

func (s mortalStore) Delete(ctx context.Context, key string) error {
	return s.change(func() error { return s.fakeStore.Delete(ctx, key) })
}

func (s mortalStore) UploadFiles(ctx context.Context, dir, prefix string, files []artifact.File, progress func(done, total int64)) (entries []r1.ManifestEntry, err error) {
	for i := range files {
		err := s.change(func() error {
			stored, err := s.fakeStore.UploadFiles(ctx, dir, prefix, files[i:i+1], progress)
			entries = append(entries, stored...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Wherever an agent dies, and whatever the next one does to finish its work: what
// is marked as complete is whole at every moment, and the newest of it stays.
func TestWhatIsCompleteIsWholeWhereverTheAgentDies(t *testing.T) {
	b := newBench(t, "")
	cuts := 0
	for cut, died := 0, true; died; cut++ {
		died = false
		b.store, b.cfg.WorkDir = fakeStore{t.TempDir()}, t.TempDir()
		cfg, err := b.cfg.withDefaults()
		b.must(err)
		left, newest := cut, 0
		cfg.Store = mortalStore{b.store, &left, func() { newest = b.offered(newest) }}
		born := func() *keeper {
			return newKeeper(&agent{cfg: cfg, spec: b.spec, prefix: b.prefix(), progress: newProgress("none"), log: stream.NewWriter(b.store, "none", "none", ".log")})
		}
		k := born()
		for step := 10; step <= 50; step += 10 {
			scriptedTrainer{job: r1.JobFile{Checkpoints: k.dir}}.checkpoint(step)
			err := k.tick(t.Context())
			if errors.Is(err, errCut) {
				died, left, k = true, -1, born() // the next agent lives on
				err = k.tick(t.Context())
			}
			b.must(err)
		}
		cuts = cut
		if newest != 50 {
			t.Errorf("cut before change %d: the newest complete checkpoint is of step %d, want 50", cut, newest)
		}
	}
	if cuts < 15 { // five checkpoints of two objects, of which three go again
		t.Errorf("the agent made %d changes, which is too few to be all of them", cuts)
	}
}

// offered is the newest complete checkpoint in S3, which is at least that of a step.
func (b *bench) offered(least int) int {
	b.t.Helper()
	newest := 0
	for key := range strings.Lines(b.store.keys(path.Join(b.prefix(), r1.CheckpointDir))) {
		key = strings.TrimSpace(key)
		if path.Base(key) != r1.CompleteFile {
			continue
		}
		var c r1.Checkpoint
		b.must(b.store.GetJSON(b.t.Context(), key, &c))
		newest = max(newest, c.Step)
		for _, f := range c.Files {
			raw, err := os.ReadFile(b.store.file(f.Key))
			if err != nil || digest(raw) != f.SHA256 {
				b.t.Errorf("step %d is offered, and its %s is not whole: %v", c.Step, f.Path, err)
			}
		}
		if len(c.Files) == 0 {
			b.t.Errorf("step %d is offered and names no file", c.Step)
		}
	}
	if newest < least {
		b.t.Errorf("step %d was offered, and now the newest is %d", least, newest)
	}
	return newest
}
