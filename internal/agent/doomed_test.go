package agent

import (
	"context"
	"testing"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// doomedStore says once that what was uploaded points to objects that will be removed.
type doomedStore struct {
	fakeStore
	uploads, asked *int
}

func (s doomedStore) UploadFiles(ctx context.Context, dir, prefix string, files []artifact.File, progress func(done, total int64)) ([]r1.ManifestEntry, error) {
	*s.uploads++
	return s.fakeStore.UploadFiles(ctx, dir, prefix, files, progress)
}

func (s doomedStore) AnyDoomed(context.Context, []r1.ManifestEntry) (bool, error) {
	*s.asked++
	return *s.asked == 1, nil
}

// A checkpoint is stored anew when, after its COMPLETE was written, an object that
// it points to turns out to be about to be removed.
func TestACheckpointDoesNotDependOnWhatIsRemoved(t *testing.T) {
	b := newBench(t, "")
	b.store, b.cfg.WorkDir = fakeStore{t.TempDir()}, t.TempDir()
	cfg, err := b.cfg.withDefaults()
	b.must(err)
	uploads, asked := 0, 0
	cfg.Store = doomedStore{b.store, &uploads, &asked}
	k := newKeeper(&agent{cfg: cfg, spec: b.spec, prefix: b.prefix(), progress: newProgress("none"), log: stream.NewWriter(b.store, "none", "none", ".log")})
	scriptedTrainer{job: r1.JobFile{Checkpoints: k.dir}}.checkpoint(10)
	b.must(k.tick(t.Context()))
	if uploads != 2 || asked != 2 {
		t.Errorf("%d uploads, asked %d times; want 2 and 2", uploads, asked)
	}
	if newest := b.offered(10); newest != 10 {
		t.Errorf("the newest complete checkpoint is of step %d", newest)
	}
}
