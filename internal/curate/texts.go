package curate

import (
	"unsafe"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

// Several steps look at the same texts of a row. What they take them for is kept
// from one to the next, for the row that a worker is at.

// cutText is a text with its words and units, where a step asked for them.
type cutText struct {
	text               string
	words, units       []uint64
	hasWords, hasUnits bool
}

// splitText is a response with its parts.
type splitText struct {
	text  string
	parts response.Parts
}

// forget is called before each row.
func (s *scratch) forget() { s.cuts, s.splits = s.cuts[:0], s.splits[:0] }

// sameString says whether two strings are one in memory. (Both are still
// there, so that no other can have taken its place.)
func sameString(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b)
}

// plainWords are those of a text of the row. They are only read.
func (r *row) plainWords(text string) []uint64 {
	c := r.tmp.cut(text)
	switch {
	case c.hasWords:
	case r.tmp.both && !c.hasUnits:
		c.words, c.units = cutBoth(text, c.words[:0], c.units[:0])
		c.hasUnits = true
	default:
		r.tmp.both = r.tmp.both || c.hasUnits
		c.words = plainWords(text, c.words[:0])
	}
	c.hasWords = true
	return c.words
}

// units are those of a text of the row. They are only read.
func (r *row) units(text string) []uint64 {
	c := r.tmp.cut(text)
	switch {
	case c.hasUnits:
	case r.tmp.both && !c.hasWords:
		c.words, c.units = cutBoth(text, c.words[:0], c.units[:0])
		c.hasWords = true
	default:
		r.tmp.both = r.tmp.both || c.hasWords
		c.units = units(text, c.units[:0])
	}
	c.hasUnits = true
	return c.units
}

// cut is what is known of a text of the row.
func (s *scratch) cut(text string) *cutText {
	for i := range s.cuts {
		if sameString(s.cuts[i].text, text) {
			return &s.cuts[i]
		}
	}
	if len(s.cuts) < cap(s.cuts) {
		s.cuts = s.cuts[:len(s.cuts)+1] // with the memory of an earlier row's words
	} else {
		s.cuts = append(s.cuts, cutText{})
	}
	c := &s.cuts[len(s.cuts)-1]
	c.text, c.hasWords, c.hasUnits = text, false, false
	return c
}

// split takes a text of the row apart into thinking and reply.
func (r *row) split(text string) response.Parts {
	s := r.tmp
	for i := range s.splits {
		if sameString(s.splits[i].text, text) {
			return s.splits[i].parts
		}
	}
	s.splits = append(s.splits, splitText{text, response.Split(text)})
	return s.splits[len(s.splits)-1].parts
}

// texts are the pieces of a row that hold prose, none spanning a tag.
func (r *row) texts() []string {
	out := make([]string, 0, 6)
	for _, text := range []string{r.prompt, r.response, r.chosen, r.rejected, r.text} {
		if text == "" {
			continue
		}
		parts := r.split(text)
		out = append(out, parts.Thinking, parts.Reply)
	}
	return out
}
