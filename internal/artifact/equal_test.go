package artifact

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Of several commits of equal jobs the newest that was really made is found first, and one
// that was made of the right bytes wherever it stands.
func TestEqualCommits(t *testing.T) {
	ctx := t.Context()
	s := newStore(t)
	commits := 0
	commit := func(run, input string, change func(*r1.Commit)) {
		t.Helper()
		c := testCommit(1, nil)
		c.Key.Run = run
		c.Made = &r1.Made{Inputs: map[string]string{"policy": input}}
		c.Ended = c.Ended.Add(time.Duration(commits) * time.Minute)
		commits++
		if change != nil {
			change(&c)
		}
		if _, won, err := s.Commit(ctx, r1.Layout{Recipe: "full-r1", Run: run}, c); err != nil || !won {
			t.Fatal(run, won, err)
		}
	}
	newest := func() string {
		t.Helper()
		c, err := s.FindByFingerprint(ctx, strings.Repeat("ab", 32))
		if err != nil {
			t.Fatal(err)
		}
		return c.Key.Run
	}
	of := func(input string) (string, error) {
		c, err := s.FindEqual(ctx, strings.Repeat("ab", 32), func(c r1.Commit) bool { return c.Made.Inputs["policy"] == input })
		return c.Key.Run, err
	}
	commit("first", "old", nil)
	commit("reuse", "old", func(c *r1.Commit) { c.ReusedFrom = &r1.JobKey{Run: "first"} })
	if got := newest(); got != "first" {
		t.Errorf("after a reuse %s is found", got)
	}
	commit("of-adopted", "old", func(c *r1.Commit) {
		c.ReusedFrom, c.Made = &r1.JobKey{Run: "adopted"}, &r1.Made{Inputs: map[string]string{"policy": "taken"}, Adopted: &r1.Adopted{}}
	})
	if _, err := of("taken"); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("a repetition of what was adopted is found for itself: %v", err)
	}
	commit("apart", "old", func(c *r1.Commit) { c.Apart = true })
	if got := newest(); got != "first" {
		t.Errorf("after a commit apart %s is found", got)
	}
	commit("rebuilt", "new", nil)
	if got := newest(); got != "rebuilt" {
		t.Errorf("after a rebuild %s is found", got)
	}
	if got, err := of("old"); err != nil || got != "first" {
		t.Errorf("made of the old bytes: %s, %v", got, err)
	}
	if _, err := of("other"); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("made of other bytes: %v", err)
	}
	// A worker that repeats the first commit does not bring it to the front.
	if _, _, err := s.Commit(ctx, r1.Layout{Recipe: "full-r1", Run: "first"}, r1.Commit{
		Version: 1, Key: r1.JobKey{Run: "first", Stage: "zero", Job: "main"}, Kind: r1.KindGRPO, Attempt: 1, Fingerprint: strings.Repeat("ab", 32),
		Made: &r1.Made{Inputs: map[string]string{"policy": "old"}}}); err != nil {
		t.Fatal(err)
	}
	if got := newest(); got != "rebuilt" {
		t.Errorf("after the first commit was repeated %s is found", got)
	}
	// Whoever wrote a commit and died before the index was written is found by the next look
	// at the commit; an older one does not come to the front by it.
	late := testCommit(1, nil)
	late.Key.Run, late.Ended, late.Made = "died", late.Ended.Add(time.Hour), &r1.Made{}
	old := late
	old.Key.Run, old.Ended = "older", late.Ended.Add(-2*time.Hour)
	for _, c := range []r1.Commit{late, old} {
		l := r1.Layout{Recipe: "full-r1", Run: c.Key.Run}
		if err := s.PutJSON(ctx, l.Commit(c.Key), c); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := s.FindCommit(ctx, l, c.Key); err != nil {
				t.Fatal(err)
			}
		}
		if got := newest(); got != "died" {
			t.Errorf("after %s was looked at, %s is found", c.Key.Run, got)
		}
	}
	for i := range maxEqual {
		commit(fmt.Sprintf("more-%02d", i), "more", nil)
	}
	if _, err := of("old"); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("the index grows without bound: %v", err)
	}
}

// What lies in the bucket becomes an artifact where it is, also where others wrote it.
func TestAnArtifactOfWhatIsThere(t *testing.T) {
	ctx := t.Context()
	s := newStore(t)
	if err := s.PutBytes(ctx, "imports/model/config.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := s.PutBytes(ctx, "imports/model/deep/weights", []byte("weights")); err != nil {
		t.Fatal(err)
	}
	files, err := s.Entries(ctx, "imports/model")
	if err != nil || len(files) != 2 || files[1].Path != "deep/weights" || files[1].Key != "imports/model/deep/weights" || files[1].Size != 7 {
		t.Fatalf("%+v, %v", files, err)
	}
	o := UploadOptions{Name: "zero.model", Type: r1.TypeModel, Prefix: "full-r1/adopted/zero/model"}
	a, err := s.Refer(ctx, files, o)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Refer(ctx, files, o); err != nil || again != a {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	dir := t.TempDir()
	if err := s.Download(ctx, a, dir, DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	if through, err := s.Entries(ctx, o.Prefix); err != nil || len(through) != 2 || through[1] != files[1] {
		t.Errorf("through its manifest: %+v, %v", through, err)
	}
	if _, err := s.Entries(ctx, "imports/nothing"); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("nothing there: %v", err)
	}
	// Replaced later, it is not read as if nothing had happened.
	if err := s.PutBytes(ctx, "imports/model/deep/weights", []byte("WEIGHTS")); err != nil {
		t.Fatal(err)
	}
	if err := s.Download(ctx, a, t.TempDir(), DownloadOptions{}); err == nil {
		t.Error("other bytes were read")
	}
}

// What is referred to may go while its manifest is written, and the manifest may be one that
// others rely on.
func TestWhatIsReferredToMayGo(t *testing.T) {
	for name, c := range map[string]struct {
		vanish func(t *testing.T, s *Store)
		want   string
	}{
		"it is about to be removed": {func(t *testing.T, s *Store) { doom(t, s, "imports/model") }, "gc-under-way"},
		"it has gone": {func(t *testing.T, s *Store) {
			if err := s.Delete(t.Context(), "imports/model/config.json"); err != nil {
				t.Error(err)
			}
		}, "artifact-missing"},
		"another lies there": {func(t *testing.T, s *Store) {
			if err := s.PutBytes(t.Context(), "imports/model/config.json", []byte("[]")); err != nil {
				t.Error(err)
			}
		}, "artifact-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			if err := s.PutBytes(t.Context(), "imports/model/config.json", []byte("{}")); err != nil {
				t.Fatal(err)
			}
			files, err := s.Entries(t.Context(), "imports/model")
			if err != nil {
				t.Fatal(err)
			}
			o := UploadOptions{Name: "zero.model", Type: r1.TypeModel, Prefix: "full-r1/adopted/zero/model"}
			through := behindFaults(t, s.Bucket(), func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, r1.ManifestFile) {
					c.vanish(t, s)
				}
				return false
			})
			_, err = through.Refer(t.Context(), files, o)
			wantError(t, err, c.want)
			if _, err := s.Manifest(t.Context(), r1.Artifact{Prefix: o.Prefix}); err != nil {
				t.Errorf("the manifest went: %v", err)
			}
		})
	}
}

// A commit that is preferred is found before newer ones.
func TestAPreferredCommit(t *testing.T) {
	ctx := t.Context()
	s := newStore(t)
	for _, run := range []string{"first", "second"} {
		c := testCommit(1, nil)
		c.Key.Run = run
		if _, _, err := s.Commit(ctx, r1.Layout{Recipe: "full-r1", Run: run}, c); err != nil {
			t.Fatal(err)
		}
	}
	c := testCommit(1, nil)
	c.Key.Run = "first"
	if err := s.Prefer(ctx, r1.Layout{Recipe: "full-r1", Run: "first"}, c); err != nil {
		t.Fatal(err)
	}
	if found, err := s.FindByFingerprint(ctx, c.Fingerprint); err != nil || found.Key.Run != "first" {
		t.Errorf("%s, %v", found.Key, err)
	}
}
