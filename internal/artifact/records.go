package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// maxConflicts bounds how often a conditional write that ran into another one is tried again.
const maxConflicts = 20

// GetJSON reads a record, or says r1.ErrNotFound.
func (s *Store) GetJSON(ctx context.Context, key string, v any) error {
	data, err := s.GetBytes(ctx, key)
	if err != nil {
		return err
	}
	return s.decode(key, data, v)
}

// PutJSON writes a record, over what was there.
func (s *Store) PutJSON(ctx context.Context, key string, v any) error {
	data, err := encode(key, v)
	if err != nil {
		return err
	}
	return s.putBytes(ctx, key, data, conditions{})
}

// PutJSONIfAbsent writes a record unless there is one. Of many writers exactly
// one wins. A record that is already there with our very bytes is ours: the
// reply of an earlier try was lost. So the record must say who wrote it.
func (s *Store) PutJSONIfAbsent(ctx context.Context, key string, v any) (won bool, err error) {
	data, err := encode(key, v)
	if err != nil {
		return false, err
	}
	return s.PutBytesIfAbsent(ctx, key, data)
}

// PutBytesIfAbsent is PutJSONIfAbsent for a small object of any kind.
func (s *Store) PutBytesIfAbsent(ctx context.Context, key string, data []byte) (won bool, err error) {
	for try := 1; ; try++ {
		err := s.putBytes(ctx, key, data, conditions{absent: true})
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, errLost) {
			if !isConflict(err) || try == maxConflicts {
				return false, err
			}
			if err := pause(ctx, try); err != nil {
				return false, err
			}
			continue
		}
		there, err := s.GetBytes(ctx, key)
		if err == nil {
			return bytes.Equal(there, data), nil
		}
		if !errors.Is(err, r1.ErrNotFound) || try == maxConflicts {
			return false, err
		}
		// Deleted between the two requests: try again.
	}
}

// UpdateJSON changes a record by compare-and-swap: change is called with the
// record as it is (the zero T when there is none) until no other writer came
// between. When a reply is lost it is called again on what it made, so it must
// be one that may be repeated, such as setting a field.
func UpdateJSON[T any](ctx context.Context, s *Store, key string, change func(*T) error) error {
	for try := 1; ; try++ {
		var record T
		cond := conditions{}
		old, etag, err := s.getVersion(ctx, key)
		switch {
		case errors.Is(err, r1.ErrNotFound):
			cond.absent = true
		case err != nil:
			return err
		default:
			cond.etag = etag
			if err := s.decode(key, old, &record); err != nil {
				return err
			}
		}
		if err := change(&record); err != nil {
			return err
		}
		data, err := encode(key, record)
		if err != nil || (!cond.absent && bytes.Equal(data, old)) {
			return err
		}
		err = s.putBytes(ctx, key, data, cond)
		if err == nil {
			return nil
		}
		// A version that was deleted meanwhile is "not found" on some servers.
		if !errors.Is(err, errLost) && !isConflict(err) && !errors.Is(err, r1.ErrNotFound) || try == maxConflicts {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

func isConflict(err error) bool { return codeOf(err) == "ConditionalRequestConflict" }

// pause waits a little longer each time, so that writers who met part.
func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(min(try*try, 50)) * 5 * time.Millisecond):
		return nil
	}
}

func (s *Store) decode(key string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode %s: %w", s.URI(key), err)
	}
	return nil
}

// encode writes JSON for people: indented, with < and > as they are.
func encode(key string, v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %s: %w", key, err)
	}
	return buf.Bytes(), nil
}
