package artifact

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

var (
	testLayout = r1.Layout{Recipe: "full-r1", Run: "run-1"}
	testJob    = r1.JobKey{Run: "run-1", Stage: "zero", Job: "main"}
)

func testCommit(attempt int, outputs map[string]r1.Artifact) r1.Commit {
	return r1.Commit{Version: 1, Key: testJob, Kind: r1.KindGRPO, Attempt: attempt,
		Fingerprint: strings.Repeat("ab", 32), Outputs: outputs}
}

func TestFirstCommitWins(t *testing.T) {
	s := newStore(t)
	var wins atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			mine := testCommit(i+1, nil)
			winner, won, err := s.Commit(t.Context(), testLayout, mine)
			if err != nil {
				t.Error(err)
			}
			if won {
				wins.Add(1)
			}
			if won != (winner.Attempt == mine.Attempt) {
				t.Errorf("attempt %d: won %v, but the winner is attempt %d", mine.Attempt, won, winner.Attempt)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Fatalf("%d winners", wins.Load())
	}
	stands, err := s.FindCommit(t.Context(), testLayout, testJob)
	if err != nil {
		t.Fatal(err)
	}
	// A worker that died after the commit says it again, and still wins.
	again, won, err := s.Commit(t.Context(), testLayout, stands)
	if err != nil || !won || again.Attempt != stands.Attempt {
		t.Errorf("repeated commit: %+v, won %v, %v", again, won, err)
	}
	other := r1.JobKey{Run: "run-1", Stage: "zero", Job: "other"}
	if _, err := s.FindCommit(t.Context(), testLayout, other); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("job without a commit: %v", err)
	}
	if _, _, err := s.Commit(t.Context(), testLayout, r1.Commit{Key: other}); err == nil {
		t.Error("a commit without a fingerprint was accepted")
	}
}

func TestCommitIsFoundByFingerprint(t *testing.T) {
	ctx := t.Context()
	s := newStore(t)
	a := upload(t, s, writeFiles(t, model()), "full-r1/run-1/zero/model")
	commit := testCommit(1, map[string]r1.Artifact{"model": a})
	if _, err := s.FindByFingerprint(ctx, commit.Fingerprint); !errors.Is(err, r1.ErrNotFound) {
		t.Fatalf("before the commit: %v", err)
	}
	if _, won, err := s.Commit(ctx, testLayout, commit); err != nil || !won {
		t.Fatal(won, err)
	}
	found, err := s.FindByFingerprint(ctx, commit.Fingerprint)
	if err != nil || found.Key != testJob || found.Outputs["model"] != a {
		t.Fatalf("%+v, %v", found, err)
	}

	// The outputs are gone: the commit is no longer one to reuse, and the next
	// equal job takes its place in the index.
	if err := s.Delete(ctx, a.Prefix+"/"+r1.ManifestFile); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindByFingerprint(ctx, commit.Fingerprint); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("outputs deleted: %v", err)
	}
	second := commit
	second.Key.Run = "run-2"
	second.Outputs = map[string]r1.Artifact{"model": upload(t, s, writeFiles(t, model()), "full-r1/run-2/zero/model")}
	if _, won, err := s.Commit(ctx, r1.Layout{Recipe: "full-r1", Run: "run-2"}, second); err != nil || !won {
		t.Fatal(won, err)
	}
	if found, err = s.FindByFingerprint(ctx, commit.Fingerprint); err != nil || found.Key.Run != "run-2" {
		t.Errorf("%+v, %v", found.Key, err)
	}
}

func TestKilledCommitterLeavesNoHole(t *testing.T) {
	ctx := t.Context()
	for name, repair := range map[string]func(s *Store, c r1.Commit) error{
		"found later": func(s *Store, c r1.Commit) error {
			_, err := s.FindCommit(ctx, testLayout, testJob)
			return err
		},
		"said again": func(s *Store, c r1.Commit) error {
			_, won, err := s.Commit(ctx, testLayout, c)
			if err == nil && !won {
				return fmt.Errorf("did not win")
			}
			return err
		},
		"lost by another attempt": func(s *Store, c r1.Commit) error {
			c.Attempt = 2
			winner, won, err := s.Commit(ctx, testLayout, c)
			if err == nil && (won || winner.Attempt != 1) {
				return fmt.Errorf("attempt %d won", winner.Attempt)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			commit := testCommit(1, nil)
			dying := behindFaults(t, s.bucket, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if strings.Contains(r.URL.Path, "_fingerprints") {
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				return false
			})
			if _, won, err := dying.Commit(ctx, testLayout, commit); err == nil || !won {
				t.Fatalf("won %v, %v", won, err)
			}
			if err := repair(s, commit); err != nil {
				t.Fatal(err)
			}
			if found, err := s.FindByFingerprint(ctx, commit.Fingerprint); err != nil || found.Attempt != 1 {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}
