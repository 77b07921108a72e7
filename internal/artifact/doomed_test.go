package artifact

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func doom(t *testing.T, s *Store, prefixes ...string) {
	t.Helper()
	if err := s.Doom(t.Context(), Doomed{Host: "here", PID: os.Getpid(), Prefixes: prefixes}); err != nil {
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
	}{
		"doomed before the upload looks for equal bytes": {before: true},
		"doomed between that and the manifest":           {during: true},
		"nothing is doomed: equal bytes are stored once": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			dir := writeFiles(t, model())
			upload(t, s, dir, "full/old/zero/model")
			through := behindFaults(t, s.Bucket(), func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if c.during && r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "new/zero/model/"+r1.ManifestFile) {
					c.during = false
					doom(t, s, "full/old/zero/model")
				}
				return false
			})
			if c.before {
				doom(t, s, "full/old/zero/model")
			}
			doomed := c.before || c.during
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
	if err := s.Spare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindByFingerprint(t.Context(), fp); err != nil {
		t.Errorf("spared, and yet not found: %v", err)
	}
}

func TestCollectionsTakeTurns(t *testing.T) {
	s := newStore(t)
	doom(t, s, "a")
	alive := Doomed{Host: "elsewhere", PID: os.Getpid(), Prefixes: []string{"b"}}
	wantError(t, s.Doom(t.Context(), alive), "gc-under-way")
	// One that was killed on this machine is none.
	if err := s.Spare(t.Context()); err != nil {
		t.Fatal(err)
	}
	const gone = 1 << 30
	if err := s.Doom(context.Background(), Doomed{Host: "here", PID: gone, Prefixes: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	doom(t, s, "b")
	d, err := s.Doomed(t.Context())
	if err != nil || !d.Covers("b") || d.Covers("a") {
		t.Errorf("doomed %+v, %v", d, err)
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
