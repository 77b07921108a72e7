package curate

import "iter"

// What a question got from its answers.
const (
	noVote  = int8(-1) // no answer could be read
	tied    = int8(-2) // as many for one as for another
	noQuery = int8(-3) // the row is no answer to a question of ours
	silent  = int8(-4) // the row is a question, and no answer
)

// tally counts the answers to each question: a sampler may have asked several
// times. The first row of a question stays for all of them.
//
// Memory: 8 bytes a row, about 80 a question.
type tally struct {
	questions map[[16]byte]int32
	first     []int32    // row of each question
	votes     [][2]int32 // of each question, by choice
	rows      []int32    // question of each row; -1: none, -2: one that nobody has answered
}

func newTally() tally { return tally{questions: map[[16]byte]int32{}} }

// ballot is the note of a row: its question, and the vote in it (0, 1 or noVote).
func (r *row) ballot(vote func() int8) []byte {
	b, ok := r.before()
	if !ok {
		return append(make([]byte, 16), asByte(noQuery))
	}
	key := r.question(b)
	return append(key[:], asByte(vote()))
}

func (t *tally) see(note []byte) {
	vote := int8(note[16])
	switch vote {
	case noQuery:
		t.rows = append(t.rows, -1)
		return
	case silent:
		t.rows = append(t.rows, -2)
		return
	}
	key := [16]byte(note[:16])
	q, ok := t.questions[key]
	if !ok {
		q = int32(len(t.first))
		t.questions[key] = q
		t.first = append(t.first, int32(len(t.rows)))
		t.votes = append(t.votes, [2]int32{})
	}
	if vote >= 0 {
		t.votes[q][vote]++
	}
	t.rows = append(t.rows, q)
}

// result is what most answers to a question say.
func (t *tally) result(q int32) int8 {
	switch v := t.votes[q]; {
	case v[0] > v[1]:
		return 0
	case v[1] > v[0]:
		return 1
	case v[0] == 0:
		return noVote
	}
	return tied
}

// reasons are those of a row: of the first of its question what decided says.
func (t *tally) reasons(decided func(q int32) string) func(i int) string {
	return func(i int) string {
		q := t.rows[i]
		switch {
		case q < 0:
			return "not-asked"
		case int(t.first[q]) != i:
			return "merged"
		}
		return decided(q)
	}
}

// ones is n groups of one row.
func ones(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// asByte keeps a vote in a note.
func asByte(vote int8) byte { return byte(vote) }

// inMemory is what a set step has decided whose accounts are in memory: of answers of
// models there are never as many as rows that were sampled. A nil order leaves that of the rows.
func inMemory(reasons func(i int) string, order []int) (func(i int) (string, error), iter.Seq2[int, error], error) {
	said := func(i int) (string, error) { return reasons(i), nil }
	if order == nil {
		return said, nil, nil
	}
	return said, func(yield func(int, error) bool) {
		for _, i := range order {
			if !yield(i, nil) {
				return
			}
		}
	}, nil
}
