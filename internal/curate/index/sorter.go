package index

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
)

// Record is what a Sorter sorts: by the first number, then the second, the third.
type Record [3]uint64

func compare(a, b Record) int { return slices.Compare(a[:], b[:]) }

const recordBytes = 24

// Sorter takes records and gives them in order. It takes 24 to 36 bytes a record in
// memory; beyond the budget, sorted runs go to a file and are merged.
type Sorter struct {
	budget *Budget
	held   []Record
	f      *os.File
	runs   []int64 // where each ends, in bytes
}

// sorterLeast is how many records a run has at least, and how many are not counted.
const sorterLeast = 1 << 16

// NewSorter has no record.
func NewSorter(b *Budget) *Sorter { return &Sorter{budget: b} }

// Add takes a record.
func (s *Sorter) Add(r Record) error {
	if len(s.held) == cap(s.held) {
		more := max(64, cap(s.held)/2)
		free := min(more, max(0, sorterLeast-cap(s.held)))
		switch {
		case more == free || s.budget.try(int64(recordBytes*(more-free))):
			held := make([]Record, len(s.held), cap(s.held)+more)
			copy(held, s.held)
			s.held = held
		default:
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	s.held = append(s.held, r)
	return nil
}

func (s *Sorter) flush() error {
	if s.f == nil {
		f, err := s.budget.File()
		if err != nil {
			return err
		}
		s.f = f
	}
	slices.SortFunc(s.held, compare)
	w := bufio.NewWriterSize(s.f, 1<<16)
	var raw [recordBytes]byte
	for _, r := range s.held {
		for i, v := range r {
			binary.LittleEndian.PutUint64(raw[8*i:], v)
		}
		if _, err := w.Write(raw[:]); err != nil {
			return fmt.Errorf("write sorted records to disk: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write sorted records to disk: %w", err)
	}
	end := int64(recordBytes * len(s.held))
	if n := len(s.runs); n > 0 {
		end += s.runs[n-1]
	}
	s.runs = append(s.runs, end)
	s.held = s.held[:0]
	return nil
}

// Sorted gives all records in order. Nothing may be added any more.
func (s *Sorter) Sorted() iter.Seq2[Record, error] {
	slices.SortFunc(s.held, compare)
	if s.f == nil {
		return func(yield func(Record, error) bool) {
			for _, r := range s.held {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
	return func(yield func(Record, error) bool) {
		m, err := s.merge()
		for err == nil && len(m) > 0 {
			if !yield(m[0].first, nil) {
				return
			}
			var more bool
			if more, err = m[0].next(); more {
				heap.Fix(&m, 0)
			} else if err == nil {
				heap.Pop(&m)
			}
		}
		if err != nil {
			yield(Record{}, fmt.Errorf("read sorted records from disk: %w", err))
		}
	}
}

// merge has each run at its first record.
func (s *Sorter) merge() (m merging, err error) {
	from := int64(0)
	for _, end := range s.runs {
		m = append(m, &sortedRun{r: bufio.NewReaderSize(io.NewSectionReader(s.f, from, end-from), 1<<14)})
		from = end
	}
	m = append(m, &sortedRun{held: s.held})
	all := m[:0]
	for _, r := range m {
		more, err := r.next()
		if err != nil {
			return nil, err
		}
		if more {
			all = append(all, r)
		}
	}
	heap.Init(&all)
	return all, nil
}

// Close gives back memory and file.
func (s *Sorter) Close() error {
	if s.held != nil {
		s.budget.Take(-int64(recordBytes * max(0, cap(s.held)-sorterLeast)))
		s.held = nil
	}
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f = nil
	return f.Close()
}

// sortedRun is a run in the file, or the last one, in memory.
type sortedRun struct {
	r     *bufio.Reader // nil: in memory
	held  []Record
	first Record
}

func (r *sortedRun) next() (more bool, err error) {
	if r.r == nil {
		if len(r.held) == 0 {
			return false, nil
		}
		r.first, r.held = r.held[0], r.held[1:]
		return true, nil
	}
	var raw [recordBytes]byte
	if _, err := io.ReadFull(r.r, raw[:]); err == io.EOF {
		return false, nil
	} else if err != nil {
		return false, err
	}
	for i := range r.first {
		r.first[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return true, nil
}

// merging is a heap of runs by their first records.
type merging []*sortedRun

func (m merging) Len() int           { return len(m) }
func (m merging) Less(i, j int) bool { return compare(m[i].first, m[j].first) < 0 }
func (m merging) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merging) Push(x any)        { *m = append(*m, x.(*sortedRun)) }
func (m *merging) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
