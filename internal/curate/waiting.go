package curate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/curate/index"
)

// finish lets the steps that waited decide, one after another.
func (pl *pipeline) finish() error {
	for i, s := range pl.segments {
		if len(s.sets) == 0 {
			continue
		}
		for _, at := range s.steps {
			at.end() // all rows have been through
		}
		left, err := pl.decide(s)
		if err != nil {
			return err
		}
		next := &segment{} // a set step was the last: what is left is written
		if i+1 < len(pl.segments) {
			next = pl.segments[i+1]
		}
		err = pl.goOn(i+1, s, left, next)
		if err = errors.Join(err, left.close()); err != nil {
			return err
		}
		s.spill.close()
		s.spill = nil // its disk goes back before the next segment decides
	}
	return nil
}

// decide asks the set steps of a segment, each about the rows that those before
// it left, in their order. It gives the numbers in the spill of the rows left.
func (pl *pipeline) decide(s *segment) (left rowList, err error) {
	left.n = s.spill.rows.len()
	notes, err := s.spill.notes.reader()
	if err != nil {
		return left, err
	}
	var buf []byte
	var list [][]byte
	look := func(row int) (m meta, err error) {
		if buf, err = notes.read(row, buf[:0]); err == nil {
			m, list, err = s.spill.decode(buf, list[:0])
		}
		return m, err
	}
	for k, at := range s.sets {
		for i := range left.n * min(k, 1) { // the first has seen them as they came
			var m meta
			row, err := left.at(i)
			if err == nil {
				m, err = look(row)
			}
			if err == nil {
				err = at.set.see(m.seq, list[k-1])
			}
			if err == nil {
				err = pl.tick()
			}
			if err != nil {
				return left, fmt.Errorf("step %s: %w", at.label, err)
			}
		}
		next, err := pl.decideOne(at, left, look)
		if err = errors.Join(err, left.close()); err != nil {
			return next, fmt.Errorf("step %s: %w", at.label, err)
		}
		pl.fallsShort(at)
		pl.countAsked(at)
		left = next
		at.end() // its memory goes back before the next decides
	}
	return left, nil
}

func (pl *pipeline) decideOne(at *stage, rows rowList, look func(row int) (meta, error)) (left rowList, err error) {
	left.list = index.NewList(pl.index)
	reasons, order, err := at.set.decide()
	if err != nil {
		return left, err
	}
	one := func(i int) error {
		row, err := rows.at(i)
		if err != nil {
			return err
		}
		reason, err := reasons(i)
		if err != nil {
			return err
		}
		if reason == "" {
			left.n++
			return left.list.Append(uint64(row))
		}
		m, err := look(row)
		var likeness json.RawMessage
		if l, ok := at.set.(liker); ok {
			likeness = l.like(i)
		}
		if err == nil {
			err = pl.drop(at.label, reason, m, likeness)
		}
		if err == nil {
			err = pl.tick()
		}
		return err
	}
	if order == nil {
		for i := range rows.n {
			if err := one(i); err != nil {
				return left, err
			}
		}
		return left, nil
	}
	for i, err := range order {
		if err == nil {
			err = one(i)
		}
		if err != nil {
			return left, err
		}
	}
	return left, nil
}

// rowList is numbers of rows in a spill.
type rowList struct {
	list *index.List // nil: 0, 1, …
	n    int
}

func (l rowList) at(i int) (int, error) {
	if l.list == nil {
		return i, nil
	}
	row, err := l.list.At(i)
	return int(row), err
}

func (l rowList) close() error {
	if l.list == nil {
		return nil
	}
	return l.list.Close()
}

// goOn takes the rows that are left through the next segment, of that number.
func (pl *pipeline) goOn(number int, from *segment, left rowList, next *segment) error {
	if len(next.steps) == 0 && len(next.sets) == 0 {
		return from.each(left, func(_ int, raw []byte) error {
			pl.kept++
			if err := pl.out.keep(raw); err != nil {
				return err
			}
			return pl.tick()
		})
	}
	notes, err := from.spill.notes.reader()
	if err != nil {
		return err
	}
	send := func(send func(input) error) error {
		return from.each(left, func(i int, raw []byte) error {
			b, err := notes.read(i, nil)
			if err != nil {
				return err
			}
			m, _, err := from.spill.decode(b, nil)
			if err != nil {
				return err
			}
			return send(input{line: Line{Raw: bytes.Clone(raw)}, meta: m})
		})
	}
	work := func(in input, tmp *scratch) finding {
		f := finding{meta: in.meta}
		r := spilled(in.line.Raw, tmp)
		r.seq, r.at = in.seq, in.at
		next.work(r, &f)
		return f
	}
	return flow(pl.ctx, pl.workers, pl.shards(fmt.Sprint("after-", number)), send, work, func(f finding) error {
		if err := pl.tick(); err != nil {
			return err
		}
		return pl.take(next, f)
	})
}

// spilled reads a row that has been one before.
func spilled(raw []byte, tmp *scratch) *row {
	r, problem := parseRow(raw, nil, nil, tmp)
	if problem != "" {
		panic("curate: a spilled row is " + problem) // it was a row when it was spilled
	}
	return r
}

// each reads the rows that are left, in their order and as the segment's last step
// makes them. raw is valid until do returns.
func (s *segment) each(left rowList, do func(i int, raw []byte) error) error {
	rows, err := s.spill.rows.reader()
	if err != nil {
		return err
	}
	if s.join != nil {
		return s.joined(rows, left, do)
	}
	var raw []byte
	for k := range left.n {
		i, err := left.at(k)
		if err != nil {
			return err
		}
		if raw, err = rows.read(i, raw[:0]); err != nil {
			return err
		}
		if err := do(i, raw); err != nil {
			return err
		}
	}
	return nil
}

// joined reads the rows in the groups that the last step makes, and as it makes them.
func (s *segment) joined(rows *blobReader, left rowList, do func(i int, raw []byte) error) error {
	at := 0
	for n, size := range s.join.groups() {
		group, numbers := make([]*row, size), make([]int, size)
		for k := range size {
			i, err := left.at(at + k)
			if err != nil {
				return err
			}
			raw, err := rows.read(i, nil)
			if err != nil {
				return err
			}
			group[k], numbers[k] = spilled(raw, &scratch{}), i
		}
		s.join.join(n, group)
		for k, i := range numbers {
			if err := do(i, group[k].encoded()); err != nil {
				return err
			}
		}
		at += size
	}
	return nil
}
