package curate

import (
	"encoding/binary"
	"errors"

	"github.com/r1ctl/r1ctl/internal/curate/index"
)

// spill holds rows until the steps that need them all have decided: the rows,
// and apart from them what those steps and the accounts want to know of each.
type spill struct {
	rows, notes *blobs
	numbers     map[string]uint64
	table       []string // of names of sources, files and domains
	buf         []byte
}

func newSpill(dir string, budget *index.Budget) (*spill, error) {
	rows, err := newBlobs(dir, budget)
	if err != nil {
		return nil, err
	}
	notes, err := newBlobs(dir, budget)
	if err != nil {
		rows.close()
		return nil, err
	}
	return &spill{rows: rows, notes: notes, numbers: map[string]uint64{}}, nil
}

func (s *spill) close() {
	s.rows.close()
	s.notes.close()
}

func (s *spill) number(name string) uint64 {
	n, ok := s.numbers[name]
	if !ok {
		n = uint64(len(s.table))
		s.numbers[name] = n
		s.table = append(s.table, name)
	}
	return n
}

// add takes a row with the notes of the steps that come after the first.
func (s *spill) add(raw []byte, m meta, notes [][]byte) error {
	sample := uint64(0)
	if m.sample != nil {
		sample = uint64(*m.sample)<<1 | 1
	}
	b := s.buf[:0]
	for _, v := range []uint64{
		uint64(m.seq), s.number(m.at.source), s.number(m.at.file), uint64(m.at.line), sample, s.number(m.domain), uint64(m.tokens), uint64(len(m.id)),
	} {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, m.id...)
	for _, note := range notes {
		b = binary.AppendUvarint(b, uint64(len(note)))
		b = append(b, note...)
	}
	s.buf = b
	return errors.Join(s.rows.add(raw), s.notes.add(b))
}

// decode takes apart what add wrote beside a row; notes are valid as long as b.
func (s *spill) decode(b []byte, notes [][]byte) (meta, [][]byte, error) {
	var head [8]uint64
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return meta{}, nil, errors.New("read a spilled row: it is damaged")
		}
		head[i], b = v, b[n:]
	}
	m := meta{seq: int64(head[0]), at: position{source: s.table[head[1]], file: s.table[head[2]], line: int(head[3])}}
	if head[4]&1 == 1 {
		sample := int(int64(head[4]) >> 1)
		m.sample = &sample
	}
	m.domain, m.tokens = s.table[head[5]], int(head[6])
	m.id = string(b[:head[7]])
	b = b[head[7]:]
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		notes = append(notes, b[n:n+int(size)])
		b = b[n+int(size):]
	}
	return m, notes, nil
}
