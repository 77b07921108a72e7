package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Doomed says what a garbage collection is about to remove. It is one object, so
// it is also the lock that makes collections take turns.
//
// Whoever starts to depend on stored bytes announces that first (the index of a
// run, a manifest, a COMPLETE) and looks here second; the collector writes this
// first and looks for announcements second. So one of the two sees the other,
// however their steps interleave and however long either of them sleeps.
type Doomed struct {
	By       string    `json:"by,omitempty"`
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	At       time.Time `json:"at"`
	Prefixes []string  `json:"prefixes"` // sorted, without a slash at their end
	// Runs are those that had ended, and so must not be driven again just now.
	Runs []string `json:"runs,omitempty"`
}

// Covers tells whether a key lies below a doomed prefix, or is one.
func (d *Doomed) Covers(key string) bool {
	if d == nil {
		return false
	}
	for at := len(key); at > 0; at = strings.LastIndexByte(key[:at], '/') {
		i := sort.SearchStrings(d.Prefixes, key[:at])
		if i < len(d.Prefixes) && d.Prefixes[i] == key[:at] {
			return true
		}
	}
	return false
}

// coversArtifact tells whether an artifact or an object it points to is doomed.
func (d *Doomed) coversArtifact(prefix string, m r1.Manifest) bool {
	if d.Covers(prefix) {
		return true
	}
	for _, f := range m.Files {
		if d.Covers(f.Key) {
			return true
		}
	}
	return false
}

// Doomed reads what is about to be removed; nil is nothing.
func (s *Store) Doomed(ctx context.Context) (*Doomed, error) {
	var d Doomed
	err := s.GetJSON(ctx, r1.DoomedKey, &d)
	if errors.Is(err, r1.ErrNotFound) || err == nil && d.At.IsZero() {
		return nil, nil // there never was one, or it has ended
	}
	if err != nil {
		return nil, fmt.Errorf("look for a garbage collection under way: %w", err)
	}
	return &d, nil
}

// Doom says what will be removed, unless another collection is under way. One
// whose process died on this machine is none: of many that see this one takes its place.
func (s *Store) Doom(ctx context.Context, d Doomed) error {
	sort.Strings(d.Prefixes)
	err := UpdateJSON(ctx, s, r1.DoomedKey, func(other *Doomed) error {
		if !other.At.IsZero() && !other.sameAs(d) && !(other.Host == d.Host && other.PID != d.PID && !lives(other.PID)) {
			return &r1.Error{Name: "gc-under-way",
				Detail: fmt.Sprintf("another garbage collection is under way: process %d on %s, since %s", other.PID, other.Host, other.At.Local().Format(time.DateTime)),
				Remedy: "wait for its end; if its process is gone for good: r1ctl artifacts gc --yes --take-over"}
		}
		*other = d
		return nil
	})
	if _, known := r1.AsError(err); err != nil && !known {
		return fmt.Errorf("say what will be removed: %w", err)
	}
	return err
}

// sameAs tells whether both say the word of one collection.
func (d *Doomed) sameAs(other Doomed) bool {
	return d.Host == other.Host && d.PID == other.PID && d.At.Equal(other.At)
}

// Dooms tells whether what a collection has said stands: another may have taken its place,
// by the word of a person who thought it gone.
func (s *Store) Dooms(ctx context.Context, d Doomed) (bool, error) {
	there, err := s.Doomed(ctx)
	return there != nil && there.sameAs(d), err
}

// Spare ends what Doom began, unless another collection has taken its place.
func (s *Store) Spare(ctx context.Context, d Doomed) error {
	err := UpdateJSON(ctx, s, r1.DoomedKey, func(there *Doomed) error {
		if !there.sameAs(d) {
			return errNotOurs
		}
		*there = Doomed{}
		return nil
	})
	if err != nil && !errors.Is(err, errNotOurs) {
		return fmt.Errorf("end the garbage collection: %w", err)
	}
	return nil
}

// errNotOurs is that another collection is under way, or none.
var errNotOurs = errors.New("not this collection")

// TakeOver ends the collection that is under way, whose ever it is.
func (s *Store) TakeOver(ctx context.Context) error {
	if err := s.Delete(ctx, r1.DoomedKey); err != nil {
		return fmt.Errorf("end the garbage collection: %w", err)
	}
	return nil
}

func lives(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err == nil || !errors.Is(err, os.ErrNotExist)
}

// AnyDoomed tells whether one of the files lies in an object that is about to be
// removed. Who has just announced that it depends on them asks this.
func (s *Store) AnyDoomed(ctx context.Context, files []r1.ManifestEntry) (bool, error) {
	d, err := s.Doomed(ctx)
	if err != nil || d == nil {
		return false, err
	}
	for _, f := range files {
		if d.Covers(f.Key) {
			return true, nil
		}
	}
	return false, nil
}

// settle makes an artifact whose manifest stands independent of objects that are
// about to be removed, or that have been by a collection that ended before the
// manifest was there: what it points to there is stored once more, as its own.
// The content stays the same, and so does the artifact's digest.
func (u *uploader) settle(ctx context.Context, files []localFile, m r1.Manifest) error {
	var foreign []r1.ManifestEntry
	for _, e := range m.Files {
		if e.Key != u.key(e.Path) {
			foreign = append(foreign, e)
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	doomed, err := u.store.Doomed(ctx)
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, e := range foreign {
		if !doomed.Covers(e.Key) {
			holds, err := u.store.holds(ctx, e.Key, e.SHA256, e.Size)
			if err != nil {
				return err
			}
			if holds {
				continue
			}
		}
		if err := u.storeOwn(ctx, files, e); err != nil {
			return err
		}
		own[e.Path] = true
	}
	if len(own) == 0 {
		return nil
	}
	return UpdateJSON(ctx, u.store, manifestKey(u.prefix), func(m *r1.Manifest) error {
		for i, e := range m.Files {
			if own[e.Path] {
				m.Files[i].Key = u.key(e.Path)
			}
		}
		return nil
	})
}

// storeOwn uploads a file that the manifest says lies elsewhere.
func (u *uploader) storeOwn(ctx context.Context, files []localFile, e r1.ManifestEntry) error {
	for _, f := range files {
		if f.path != e.Path {
			continue
		}
		f.declared = e.SHA256
		file, d, err := u.store.hashLocal(ctx, u.root, f)
		if err != nil {
			return err
		}
		defer file.Close()
		return u.store.putFile(ctx, u.key(e.Path), file, d, nil)
	}
	return changed(e.Path, "was removed while it was uploaded")
}

// doomedOnce reads once, for one upload, what is about to be removed.
func (s *Store) doomedOnce(ctx context.Context) func() (*Doomed, error) {
	return sync.OnceValues(func() (*Doomed, error) { return s.Doomed(ctx) })
}
