package artifact

import (
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// digestRecord is the digest index: an object that holds these bytes. It is a
// hint that is checked before it is used, so overwriting it is harmless.
type digestRecord struct {
	Key    string `json:"key"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// findBytes returns the key of an object that provably holds these bytes, or "".
func (s *Store) findBytes(ctx context.Context, sum string, size int64) (string, error) {
	var record digestRecord
	err := s.GetJSON(ctx, r1.DigestIndex(sum), &record)
	if errors.Is(err, r1.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	holds, err := s.holds(ctx, record.Key, sum, size)
	if err != nil || !holds {
		return "", err
	}
	return record.Key, nil
}

// holds tells whether the object is there with these bytes, as recorded by
// whoever wrote it.
func (s *Store) holds(ctx context.Context, key, sum string, size int64) (bool, error) {
	if CheckKey(key) != nil {
		return false, nil
	}
	there, err := s.Head(ctx, key)
	if errors.Is(err, r1.ErrNotFound) {
		return false, nil
	}
	return err == nil && there.Size == size && there.SHA256 == sum, err
}

// register makes a stored file findable by its digest.
func (s *Store) register(ctx context.Context, e r1.ManifestEntry) error {
	record := digestRecord{Key: e.Key, Size: e.Size, SHA256: e.SHA256}
	if err := s.PutJSON(ctx, r1.DigestIndex(e.SHA256), record); err != nil {
		return fmt.Errorf("index %s by digest: %w", e.Path, err)
	}
	return nil
}
