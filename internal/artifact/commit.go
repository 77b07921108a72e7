package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// fingerprintRecord is the fingerprint index: where the commits of equal jobs are. The
// newest that a job really made comes first.
type fingerprintRecord struct {
	committed
	Earlier []committed `json:"earlier,omitempty"`
}

// committed is a commit in the index.
type committed struct {
	Commit string    `json:"commit"` // its key
	Key    r1.JobKey `json:"key"`
	Ended  time.Time `json:"ended,omitzero"`
}

func entryOf(key string, c r1.Commit) committed {
	return committed{Commit: key, Key: c.Key, Ended: c.Ended}
}

func (r *fingerprintRecord) all() []committed {
	if r.Commit == "" {
		return nil
	}
	return append([]committed{r.committed}, r.Earlier...)
}

// knows says whether a commit is in the index, or too old for it.
func (r *fingerprintRecord) knows(c committed) bool {
	all := r.all()
	if slices.ContainsFunc(all, func(other committed) bool { return other.Commit == c.Commit }) {
		return true
	}
	return len(all) >= maxEqual && !c.Ended.After(all[len(all)-1].Ended)
}

// put takes a commit in, ahead of the first one that before names; it leaves its old place.
func (r *fingerprintRecord) put(c committed, before func(other committed) bool) {
	all := slices.DeleteFunc(r.all(), func(other committed) bool { return other.Commit == c.Commit })
	at := slices.IndexFunc(all, before)
	if at < 0 {
		at = len(all)
	}
	all = slices.Insert(all, at, c)
	all = all[:min(len(all), maxEqual)]
	r.committed, r.Earlier = all[0], all[1:]
}

// maxEqual bounds the index of one fingerprint.
const maxEqual = 16

// Commit says that a job is done. The first commit of a job wins, whoever
// writes it and however often; winner is the one that stands, and won tells
// whether it is ours. A call that was cut off is repeated with the same commit.
// The commit stands even when err says that its index could not be written.
func (s *Store) Commit(ctx context.Context, l r1.Layout, c r1.Commit) (winner r1.Commit, won bool, err error) {
	if !isDigest(c.Fingerprint) {
		return c, false, fmt.Errorf("commit %s: %q is not a fingerprint", c.Key, c.Fingerprint)
	}
	key := l.Commit(c.Key)
	won, err = s.PutJSONIfAbsent(ctx, key, c)
	if err != nil {
		return c, false, fmt.Errorf("commit %s: %w", c.Key, err)
	}
	fault.Point(fault.StoreCommit, c.Key.String())
	winner = c
	if !won {
		if err := s.GetJSON(ctx, key, &winner); err != nil {
			return winner, false, fmt.Errorf("read the commit that won: %w", err)
		}
	}
	return winner, won, s.indexCommit(ctx, key, winner)
}

// FindCommit returns a job's commit, or r1.ErrNotFound.
func (s *Store) FindCommit(ctx context.Context, l r1.Layout, job r1.JobKey) (r1.Commit, error) {
	var c r1.Commit
	key := l.Commit(job)
	if err := s.GetJSON(ctx, key, &c); err != nil {
		return c, err
	}
	// The committer may have died before it wrote the index. That costs reuse
	// only, so failing to repair it does not take the commit away.
	if isDigest(c.Fingerprint) && !c.Apart {
		var record fingerprintRecord
		err := s.GetJSON(ctx, r1.FingerprintIndex(c.Fingerprint), &record)
		if errors.Is(err, r1.ErrNotFound) || err == nil && c.ReusedFrom == nil && !record.knows(entryOf(key, c)) {
			_ = s.indexCommit(ctx, key, c)
		}
	}
	return c, nil
}

// FindByFingerprint returns the commit of an equal job in any run, if its
// outputs are still there and unchanged, or r1.ErrNotFound: the newest.
func (s *Store) FindByFingerprint(ctx context.Context, fingerprint string) (r1.Commit, error) {
	return s.FindEqual(ctx, fingerprint, func(r1.Commit) bool { return true })
}

// FindEqual returns the newest commit of an equal job that is accepted and whose
// outputs are still there and unchanged, or r1.ErrNotFound. What is about to be
// removed is not there. accept may be asked of one that is not usable.
func (s *Store) FindEqual(ctx context.Context, fingerprint string, accept func(r1.Commit) bool) (r1.Commit, error) {
	if !isDigest(fingerprint) {
		return r1.Commit{}, fmt.Errorf("find by fingerprint: %q is not a fingerprint", fingerprint)
	}
	var record fingerprintRecord
	if err := s.GetJSON(ctx, r1.FingerprintIndex(fingerprint), &record); err != nil {
		return r1.Commit{}, err
	}
	var lacking error
	for _, one := range record.all() {
		c, err := s.usable(ctx, fingerprint, one, accept)
		if err == nil || !errors.Is(err, r1.ErrNotFound) {
			return c, err
		}
		if lacking == nil {
			lacking = err
		}
	}
	return r1.Commit{}, lacking
}

// usable reads a commit of the index with its outputs' manifests.
func (s *Store) usable(ctx context.Context, fingerprint string, one committed, accept func(r1.Commit) bool) (r1.Commit, error) {
	var c r1.Commit
	if err := s.GetJSON(ctx, one.Commit, &c); err != nil {
		return c, err
	}
	if c.Fingerprint != fingerprint {
		return c, fmt.Errorf("commit %s has another fingerprint: %w", one.Key, r1.ErrNotFound)
	}
	if !accept(c) {
		return c, fmt.Errorf("commit %s is not the one that is looked for: %w", one.Key, r1.ErrNotFound)
	}
	return c, s.whole(ctx, c)
}

// FindWhole returns a job's commit if its outputs are still there and unchanged, or
// r1.ErrNotFound. What is about to be removed is not there.
func (s *Store) FindWhole(ctx context.Context, l r1.Layout, job r1.JobKey) (r1.Commit, error) {
	c, err := s.FindCommit(ctx, l, job)
	if err != nil {
		return c, err
	}
	return c, s.whole(ctx, c)
}

// whole makes sure that the outputs of a commit are there.
func (s *Store) whole(ctx context.Context, c r1.Commit) error {
	doomed, err := s.Doomed(ctx)
	if err != nil {
		return err
	}
	for name, output := range c.Outputs {
		m, err := s.Manifest(ctx, output)
		if err == nil && doomed.coversArtifact(output.Prefix, m) {
			err = fmt.Errorf("it is about to be removed: %w", r1.ErrNotFound)
		}
		if known, ok := r1.AsError(err); ok && known.Name == "artifact-corrupt" {
			err = fmt.Errorf("%w (%w)", err, r1.ErrNotFound)
		}
		if err != nil {
			return fmt.Errorf("output %s of %s: %w", name, c.Key, err)
		}
	}
	return nil
}

// indexCommit makes a commit findable by its fingerprint. Those that a job really made
// come in the order in which they ended, the newest first; one that repeats another only
// takes the place of those that are not usable any more.
func (s *Store) indexCommit(ctx context.Context, key string, c r1.Commit) error {
	// Of what was adopted only the adoption itself is found, until it is taken back.
	if c.Apart || c.ReusedFrom != nil && c.Made != nil && c.Made.Adopted != nil {
		return nil
	}
	index, mine := r1.FingerprintIndex(c.Fingerprint), entryOf(key, c)
	won, err := s.PutJSONIfAbsent(ctx, index, fingerprintRecord{committed: mine})
	if err != nil || won {
		return indexing(c, err)
	}
	before := func(other committed) bool { return !other.Ended.After(mine.Ended) }
	if c.ReusedFrom != nil {
		if _, err := s.FindByFingerprint(ctx, c.Fingerprint); !errors.Is(err, r1.ErrNotFound) {
			return indexing(c, err)
		}
		before = func(committed) bool { return true }
	}
	return indexing(c, UpdateJSON(ctx, s, index, func(r *fingerprintRecord) error {
		if c.ReusedFrom != nil || !r.knows(mine) {
			r.put(mine, before)
		}
		return nil
	}))
}

func indexing(c r1.Commit, err error) error {
	if err != nil {
		return fmt.Errorf("index the commit of %s: %w", c.Key, err)
	}
	return nil
}
