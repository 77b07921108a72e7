package artifact

import (
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// fingerprintRecord is the fingerprint index: where the commit of an equal job is.
type fingerprintRecord struct {
	Commit string    `json:"commit"` // its key
	Key    r1.JobKey `json:"key"`
}

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
	if isDigest(c.Fingerprint) {
		if there, err := s.Exists(ctx, r1.FingerprintIndex(c.Fingerprint)); err == nil && !there {
			_ = s.indexCommit(ctx, key, c)
		}
	}
	return c, nil
}

// FindByFingerprint returns the commit of an equal job in any run, if its
// outputs are still there and unchanged, or r1.ErrNotFound. What is about to be
// removed is not there.
func (s *Store) FindByFingerprint(ctx context.Context, fingerprint string) (r1.Commit, error) {
	var record fingerprintRecord
	var c r1.Commit
	if !isDigest(fingerprint) {
		return c, fmt.Errorf("find by fingerprint: %q is not a fingerprint", fingerprint)
	}
	if err := s.GetJSON(ctx, r1.FingerprintIndex(fingerprint), &record); err != nil {
		return c, err
	}
	if err := s.GetJSON(ctx, record.Commit, &c); err != nil {
		return c, err
	}
	if c.Fingerprint != fingerprint {
		return c, fmt.Errorf("commit %s has another fingerprint: %w", record.Key, r1.ErrNotFound)
	}
	doomed, err := s.Doomed(ctx)
	if err != nil {
		return c, err
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
			return c, fmt.Errorf("output %s of %s: %w", name, record.Key, err)
		}
	}
	return c, nil
}

// indexCommit makes a commit findable by its fingerprint. An entry that still
// leads to a usable commit stays; one that does not is replaced.
func (s *Store) indexCommit(ctx context.Context, key string, c r1.Commit) error {
	index := r1.FingerprintIndex(c.Fingerprint)
	record := fingerprintRecord{Commit: key, Key: c.Key}
	won, err := s.PutJSONIfAbsent(ctx, index, record)
	if err == nil && !won {
		_, err = s.FindByFingerprint(ctx, c.Fingerprint)
		if errors.Is(err, r1.ErrNotFound) {
			err = s.PutJSON(ctx, index, record)
		}
	}
	if err != nil {
		return fmt.Errorf("index the commit of %s: %w", c.Key, err)
	}
	return nil
}
