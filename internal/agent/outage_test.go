package agent

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// S3 is away for hours when the training has ended. The clock of this test is
// not the real one; the waiting is.
func TestHoursOfOutageAtTheEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		outage time.Duration
		ends   bool
	}{
		"a night":               {9 * time.Hour, true},
		"longer than patience":  {25 * time.Hour, false},
		"a hiccup of a second":  {time.Second, true},
		"everything is in time": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := benchOf(t, "")
			b.must(b.store.PutJSON(t.Context(), b.cfg.SpecKey, b.spec))
			b.must(os.MkdirAll(b.cfg.WorkDir, 0o755))
			for _, o := range b.spec.Outputs {
				write(filepath.Join(b.cfg.WorkDir, "outputs", o.Name, "rows.jsonl"), "{}\n")
			}
			b.must(writeJSON(filepath.Join(b.cfg.WorkDir, endedFile), r1.Result{Version: 1, Key: b.spec.Key, Outcome: r1.Succeeded, Timing: &r1.Timing{Train: 1}}))
			synctest.Test(t, func(t *testing.T) {
				b.cfg.Interval, b.cfg.Patience = time.Minute, 24*time.Hour
				began := time.Now()
				// The agent reads its spec, and then S3 goes away.
				first := true
				b.cfg.Store = hookedStore{b.store, func(key string) {
					if tc.outage > 0 && first && key == path.Join(b.prefix(), r1.ResultFile) {
						first = false
						write(b.store.downFile(), "")
						time.AfterFunc(tc.outage, func() { _ = os.Remove(b.store.downFile()) })
					}
				}}
				res, err := Run(context.Background(), b.cfg)
				waited := time.Since(began)
				if !tc.ends {
					if err == nil || waited < b.cfg.Patience || !exists(filepath.Join(b.cfg.WorkDir, endedFile)) {
						t.Errorf("after %s: %v; the work must be kept", waited, err)
					}
					time.Sleep(tc.outage) // lets the timer of this test go
					return
				}
				if err != nil || res.Outcome != r1.Succeeded || len(res.Outputs) != 2 {
					t.Fatalf("result %+v, %v", res, err)
				}
				if over := waited - tc.outage; over < 0 || over > 2*time.Minute {
					t.Errorf("ended %s after S3 came back", over)
				}
				if res.Timing.Upload < tc.outage.Seconds() {
					t.Errorf("timing %+v hides the wait of %s", res.Timing, tc.outage)
				}
			})
		})
	}
}

// hookedStore tells of every read of JSON, before it is made.
type hookedStore struct {
	fakeStore
	onGet func(key string)
}

func (s hookedStore) GetJSON(ctx context.Context, key string, v any) error {
	err := s.fakeStore.GetJSON(ctx, key, v)
	s.onGet(key)
	return err
}

// Hours of checkpoints that cannot be stored do not fill the disk, and the newest
// whole one is stored when S3 is back, also when the very newest is torn.
func TestOutageDoesNotFillTheDisk(t *testing.T) {
	b := newBench(t, "")
	b.cfg.WorkDir = t.TempDir()
	cfg, err := b.cfg.withDefaults()
	b.must(err)
	k := newKeeper(&agent{cfg: cfg, spec: b.spec, prefix: b.prefix(), progress: newProgress("none"), log: stream.NewWriter(b.store, "none", "none", ".log")})
	write(b.store.downFile(), "")
	for step := 10; step <= 200; step += 10 {
		scriptedTrainer{job: r1.JobFile{Checkpoints: k.dir}}.checkpoint(step)
		if err := k.tick(t.Context()); !isPassing(err) {
			t.Fatalf("tick while S3 is away: %v", err)
		}
		if steps, err := k.local(); err != nil || len(steps) > waiting {
			t.Fatalf("%d checkpoints lie on the disk at step %d (%v)", len(steps), step, err)
		}
	}
	write(filepath.Join(k.folder(200), "weights.bin"), "torn")
	b.must(os.Remove(b.store.downFile()))
	b.must(k.tick(t.Context()))
	var c r1.Checkpoint
	b.must(b.store.GetJSON(t.Context(), path.Join(b.prefix(), r1.CheckpointDir, stepName(190), r1.CompleteFile), &c))
	if c.Step != 190 {
		t.Errorf("stored %+v, want step 190", c)
	}
}

// The cache of inputs is trimmed when the attempt is over, not under its feet.
func TestCacheIsTrimmed(t *testing.T) {
	b := newBench(t, "succeeds")
	b.cfg.CacheDir, b.cfg.CacheBytes = t.TempDir(), 150
	for i := range 5 {
		sum := digest(fmt.Append(nil, i))
		write(filepath.Join(b.cfg.CacheDir, "sha256", sum[:2], sum), string(make([]byte, 100)))
	}
	want(t, b.run(t.Context()), r1.Succeeded, "", "")
	left, err := filepath.Glob(filepath.Join(b.cfg.CacheDir, "sha256", "*", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("%d files are left in the cache, want 1 (%v)", len(left), err)
	}
}
