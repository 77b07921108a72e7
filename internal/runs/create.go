package runs

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"iter"
	"sort"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Store is what this package needs of the artifact store.
type Store interface {
	GetJSON(ctx context.Context, key string, v any) error
	PutJSON(ctx context.Context, key string, v any) error
	PutJSONIfAbsent(ctx context.Context, key string, v any) (bool, error)
	List(ctx context.Context, prefix string) iter.Seq2[artifact.Object, error]
	ListPrefixes(ctx context.Context, prefix string) iter.Seq2[string, error]
	FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error)
}

// Entry is a run in the index.
type Entry struct {
	Run     string    `json:"run"`
	Recipe  string    `json:"recipe"`
	Profile string    `json:"profile"`
	Created time.Time `json:"created"`
	Owner   string    `json:"owner,omitempty"`
}

// NewID makes a run id such as full-r1-1123-k7q2: recipe, month and day, and
// four characters of chance.
func NewID(recipe string, now time.Time) (string, error) {
	var b [3]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a run id: %w", err)
	}
	tail := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:4]
	return fmt.Sprintf("%s-%s-%s", recipe, now.Format("0102"), tail), nil
}

// Create freezes a run in S3. The frozen run is written before the index that
// makes it visible, both only if absent: an id is never taken twice.
func Create(ctx context.Context, s Store, run r1.Run) error {
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	taken := &r1.Error{
		Name:   "run-exists",
		Detail: fmt.Sprintf("run %q exists already", run.ID),
		Remedy: "choose another --run-id, or continue it with: r1ctl resume " + run.ID,
	}
	won, err := s.PutJSONIfAbsent(ctx, l.RunFile(), run)
	if err != nil {
		return fmt.Errorf("freeze run %s: %w", run.ID, err)
	}
	if !won {
		return taken
	}
	entry := Entry{Run: run.ID, Recipe: run.Recipe, Profile: run.Profile, Created: run.Created, Owner: run.Owner}
	won, err = s.PutJSONIfAbsent(ctx, r1.RunIndex(run.ID), entry)
	if err != nil {
		return fmt.Errorf("index run %s: %w", run.ID, err)
	}
	if !won {
		return taken
	}
	return nil
}

// List gives all runs, newest first.
func List(ctx context.Context, s Store) ([]Entry, error) {
	entries := []Entry{}
	for object, err := range s.List(ctx, r1.RunIndexPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		var e Entry
		if err := s.GetJSON(ctx, object.Key, &e); err != nil {
			return nil, fmt.Errorf("read run index %s: %w", object.Key, err)
		}
		entries = append(entries, e)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Created.After(entries[j].Created) })
	return entries, nil
}

// Load finds a run by id, and brings it to its newest amendment.
func Load(ctx context.Context, s Store, id string) (*r1.Run, error) {
	var e Entry
	err := s.GetJSON(ctx, r1.RunIndex(id), &e)
	if errors.Is(err, r1.ErrNotFound) {
		return nil, &r1.Error{
			Name:   "unknown-run",
			Detail: fmt.Sprintf("there is no run %q", id),
			Remedy: "list the runs with: r1ctl status",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("find run %s: %w", id, err)
	}
	var run r1.Run
	if err := s.GetJSON(ctx, r1.Layout{Recipe: e.Recipe, Run: id}.RunFile(), &run); err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	if err := amended(ctx, s, &run); err != nil {
		return nil, err
	}
	return &run, nil
}
