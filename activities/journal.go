package activities

import (
	"context"
	"errors"
	"path"
	"sync/atomic"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// jobJournal keeps the journal of a computed job in S3, under a prefix that all its
// attempts share, so that it does not matter on which machine the next one runs.
// Two attempts at once write equal bytes. An entry that cannot be read or kept is
// no harm but work: the attempt goes on.
type jobJournal struct {
	*Activities
	prefix string
	first  bool // the first attempt has nothing to look for
	some   atomic.Bool
}

func (a *Activities) journalOf(ref tasks.JobRef) *jobJournal {
	return &jobJournal{Activities: a, prefix: ref.Layout().Journal(ref.Key())}
}

// Load gives an entry of an earlier attempt, nil where there is none.
func (s *jobJournal) Load(ctx context.Context, name string) ([]byte, error) {
	if s.first {
		return nil, nil
	}
	data, err := s.Store.GetBytes(ctx, path.Join(s.prefix, name))
	switch {
	case err == nil:
		return data, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !errors.Is(err, r1.ErrNotFound):
		s.warn("cannot read what an earlier attempt found out: its rows are worked on again", name, err)
	}
	return nil, nil
}

// Save keeps an entry for the attempts after this one.
func (s *jobJournal) Save(ctx context.Context, name string, data []byte) error {
	s.some.Store(true)
	if err := s.Store.PutBytes(ctx, path.Join(s.prefix, name), data); err != nil && ctx.Err() == nil {
		s.warn("cannot keep what was found out: another attempt would work on its rows again", name, err)
	}
	fault.Point(fault.EngineJournal, path.Join(s.prefix, name))
	return ctx.Err()
}

// remove deletes the journal of a committed job, where there may be some. What
// cannot be deleted costs space.
func (s *jobJournal) remove(ctx context.Context) {
	if s.first && !s.some.Load() {
		return
	}
	objects, err := s.Store.FilesUnder(ctx, s.prefix)
	for _, o := range objects {
		err = errors.Join(err, s.Store.Delete(ctx, o.Key))
	}
	if err != nil && !errors.Is(err, r1.ErrNotFound) {
		s.warn("cannot delete the journal of a job that is done", s.prefix, err)
	}
}

func (s *jobJournal) warn(what, name string, err error) {
	if s.Log != nil {
		s.Log.Warn(what, "entry", name, "error", err)
	}
}
