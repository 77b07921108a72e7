package artifact

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Of several commits of equal jobs the newest that was really made is found first, and one
// that was made of the right bytes wherever it stands.
func TestEqualCommits(t *testing.T) {
	ctx := t.Context()
	s := newStore(t)
	commit := func(run, input string, change func(*r1.Commit)) {
		t.Helper()
		c := testCommit(1, nil)
		c.Key.Run = run
		c.Made = &r1.Made{Inputs: map[string]string{"policy": input}}
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
	for i := range maxEqual {
		commit(fmt.Sprintf("more-%02d", i), "more", nil)
	}
	if _, err := of("old"); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("the index grows without bound: %v", err)
	}
}
