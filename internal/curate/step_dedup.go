package curate

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/curate/index"
)

// dedup keeps the first of the rows that are equal in the fields of by. Texts
// are equal when they differ in white space or case only; a field that a row
// lacks is equal to one that another lacks. A row with none of the fields stays.
//
// Reason: "duplicate".
//
// Index: 27 to 54 bytes for each kept row.
type dedup struct {
	By []string `json:"by"`
}

func dedupDef() StepDef {
	return StepDef{
		Name: "dedup", Doc: "keep the first of equal rows",
		Params: []Param{{Name: "by", Type: "list", Default: []string{"prompt", "response"}, Allowed: dedupFields()}},
		decode: decodeInto(dedup{By: []string{"prompt", "response"}}),
	}
}

func dedupFields() []string {
	return []string{"id", "domain", "prompt", "response", "text", "chosen", "rejected"}
}

func (s dedup) check() error {
	if len(s.By) == 0 {
		return errors.New("by needs at least one field")
	}
	for _, field := range s.By {
		if !slices.Contains(dedupFields(), field) {
			return fmt.Errorf("by: %q is none of %v", field, dedupFields())
		}
	}
	return nil
}

func (dedup) needs() []string { return nil }

func (s dedup) start(_ context.Context, env env) (any, error) {
	return &seenRows{by: s.By, seen: index.NewNumbers(env.index)}, nil
}

type seenRows struct {
	by   []string
	seen *index.Numbers
}

func (s *seenRows) key(r *row) (key [16]byte, ok bool) {
	text := r.tmp.text[:0]
	for _, field := range s.by {
		ok = ok || r.has(field)
		text = append(appendSame(text, r.field(field)), 0)
	}
	r.tmp.text = text
	sum := sha256.Sum256(text)
	return [16]byte(sum[:16]), ok
}

func (s *seenRows) admit(key [16]byte) (string, error) {
	if _, isNew, err := s.seen.Number(key); isNew || err != nil {
		return "", err
	}
	return "duplicate", nil
}

func (s *seenRows) Close() error { return s.seen.Close() }

func (r *row) field(name string) string {
	switch name {
	case "id":
		return r.id
	case "domain":
		return r.domain
	case "prompt":
		return r.prompt
	case "response":
		return r.response
	case "text":
		return r.text
	case "chosen":
		return r.chosen
	case "rejected":
		return r.rejected
	}
	return ""
}
