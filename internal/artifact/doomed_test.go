package artifact

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func doom(t *testing.T, s *Store, prefixes ...string) {
	t.Helper()
	if err := s.Doom(t.Context(), Doomed{Host: "here", PID: os.Getpid(), At: time.Now(), Prefixes: prefixes}); err != nil {
		t.Fatal(err)
	}
}

func TestDoomedCoversWhatLiesBelow(t *testing.T) {
	d := &Doomed{Prefixes: []string{"full/a/zero/model", "full/b"}}
	for key, want := range map[string]bool{
		"full/a/zero/model": true, "full/a/zero/model/x/y": true, "full/a/zero/model.attempt-2/x": false,
		"full/a/zero": false, "full/b/run.json": true, "full/bc/run.json": false, "": false,
	} {
		if got := d.Covers(key); got != want {
			t.Errorf("Covers(%q) = %v", key, got)
		}
	}
}

// An upload never ends up depending on an object that a collection removes,
// however the two interleave.
func TestUploadDoesNotDependOnWhatIsRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		before, during bool // during: when the upload's manifest is about to be written
		gone           bool // the collection has begun and ended just then
	}{
		"doomed before the upload looks for equal bytes": {before: true},
		"doomed between that and the manifest":           {during: true},
		"doomed and gone between the two":                {gone: true},
		"nothing is doomed: equal bytes are stored once": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			dir := writeFiles(t, model())
			upload(t, s, dir, "full/old/zero/model")
			during := c.during
			through := behindFaults(t, s.Bucket(), func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "new/zero/model/"+r1.ManifestFile) {
					return false
				}
				if during {
					during = false
					doom(t, s, "full/old/zero/model")
				}
				if c.gone {
					if err := s.Delete(t.Context(), "full/old/zero/model/model.safetensors"); err != nil {
						t.Error(err)
					}
				}
				return false
			})
			if c.before {
				doom(t, s, "full/old/zero/model")
			}
			doomed := c.before || c.during || c.gone
			a := upload(t, through, dir, "full/new/zero/model")
			m, err := s.Manifest(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range m.Files {
				if doomed && strings.HasPrefix(f.Key, "full/old/") {
					t.Errorf("%s still lies in %s", f.Path, f.Key)
				}
				if !doomed && f.Path == "model.safetensors" && !strings.HasPrefix(f.Key, "full/old/") {
					t.Errorf("%s was stored twice", f.Path)
				}
			}
			if damage, err := s.CheckFiles(t.Context(), m.Files, nil); err != nil || len(damage) != 0 {
				t.Errorf("damage %v, %v", damage, err)
			}
		})
	}
}

// A killed upload whose manifest stands is settled by its next try.
func TestRepeatedUploadLeavesWhatIsRemoved(t *testing.T) {
	s := newStore(t)
	dir := writeFiles(t, model())
	upload(t, s, dir, "full/old/zero/model")
	first := upload(t, s, dir, "full/new/zero/model")
	doom(t, s, "full/old/zero/model")
	again := upload(t, s, dir, "full/new/zero/model")
	if again.SHA256 != first.SHA256 {
		t.Errorf("the artifact's digest changed")
	}
	m, err := s.Manifest(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if doomed, err := s.AnyDoomed(t.Context(), m.Files); err != nil || doomed {
		t.Errorf("doomed %v, %v", doomed, err)
	}
}

func TestDoomedCommitIsNotReused(t *testing.T) {
	s := newStore(t)
	l := r1.Layout{Recipe: "full", Run: "old"}
	a := upload(t, s, writeFiles(t, model()), "full/old/zero/model")
	fp := strings.Repeat("ab", 32)
	key := r1.JobKey{Run: "old", Stage: "zero", Job: r1.MainJob}
	if _, _, err := s.Commit(t.Context(), l, r1.Commit{Key: key, Fingerprint: fp, Outputs: map[string]r1.Artifact{"model": a}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindByFingerprint(t.Context(), fp); err != nil {
		t.Fatal(err)
	}
	doom(t, s, "full/old/zero/model")
	if _, err := s.FindByFingerprint(t.Context(), fp); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("found what is about to be removed: %v", err)
	}
	if err := s.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindByFingerprint(t.Context(), fp); err != nil {
		t.Errorf("spared, and yet not found: %v", err)
	}
}

func TestCollectionsTakeTurns(t *testing.T) {
	s := newStore(t)
	doom(t, s, "a")
	alive := Doomed{Host: "elsewhere", PID: os.Getpid(), At: time.Now(), Prefixes: []string{"b"}}
	wantError(t, s.Doom(t.Context(), alive), "gc-under-way")
	// One that was killed on this machine is none.
	if err := s.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	const gone = 1 << 30
	if err := s.Doom(context.Background(), Doomed{Host: "here", PID: gone, At: time.Now(), Prefixes: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	doom(t, s, "b")
	d, err := s.Doomed(t.Context())
	if err != nil || !d.Covers("b") || d.Covers("a") {
		t.Errorf("doomed %+v, %v", d, err)
	}
}

// Of many that find a dead collection one takes its place.
func TestOneTakesTheDeadOnesPlace(t *testing.T) {
	s := newStore(t)
	dead := Doomed{Host: "here", PID: 1 << 30, At: time.Now(), Prefixes: []string{"a"}}
	if err := s.Doom(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			err := s.Doom(t.Context(), Doomed{Host: "here", PID: os.Getpid(), At: dead.At.Add(time.Duration(i) * time.Second), Prefixes: []string{"b"}})
			if err == nil {
				won.Add(1)
			} else if e, ok := r1.AsError(err); !ok || e.Name != "gc-under-way" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d collections are under way", won.Load())
	}
}

// A collection that was taken for gone, and was not, ends nothing but its own.
func TestACollectionWhosePlaceWasTaken(t *testing.T) {
	s := newStore(t)
	slow := Doomed{Host: "elsewhere", PID: 1, At: time.Now(), Prefixes: []string{"a"}}
	next := Doomed{Host: "here", PID: os.Getpid(), At: time.Now(), Prefixes: []string{"b"}}
	for _, err := range []error{s.Doom(t.Context(), slow), s.TakeOver(t.Context()), s.Doom(t.Context(), next), s.Spare(t.Context(), slow)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for d, want := range map[*Doomed]bool{&slow: false, &next: true} {
		if got, err := s.Dooms(t.Context(), *d); err != nil || got != want {
			t.Errorf("of %s: %v, %v", d.Host, got, err)
		}
	}
	if err := s.Spare(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Doomed(t.Context()); d != nil || err != nil {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestCheckFilesNamesWhatIsWrong(t *testing.T) {
	s := newStore(t)
	a := upload(t, s, writeFiles(t, model()), "full/run/zero/model")
	m, err := s.Manifest(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if damage, err := s.CheckFiles(t.Context(), m.Files, nil); err != nil || len(damage) != 0 {
		t.Fatalf("whole, and yet %v, %v", damage, err)
	}
	for _, err := range []error{
		s.PutBytes(t.Context(), "full/run/zero/model/config.json", []byte(`{"architectures": ["Qwen2ForCausalXX"]}`)),
		s.PutBytes(t.Context(), "full/run/zero/model/empty", []byte("x")),
		s.Delete(t.Context(), "full/run/zero/model/model.safetensors"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	damage, err := s.CheckFiles(t.Context(), m.Files, nil)
	if err != nil || len(damage) != 3 {
		t.Fatalf("damage %v, %v", damage, err)
	}
	for i, want := range []string{"sha256", "1 bytes, expected 0", "no such object"} {
		if !strings.Contains(damage[i].Problem, want) {
			t.Errorf("%+v lacks %q", damage[i], want)
		}
	}
	cut := behindFaults(t, s.Bucket(), func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "config.json") {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	if _, err := cut.CheckFiles(t.Context(), m.Files, nil); err == nil {
		t.Error("what cannot be read was taken for whole, or for damaged")
	}
}
