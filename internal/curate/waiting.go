package curate

import "fmt"

// finish lets the steps that waited decide, one after another.
func (pl *pipeline) finish() error {
	for i, s := range pl.segments {
		if len(s.sets) == 0 {
			continue
		}
		left, err := pl.decide(s)
		if err != nil {
			return err
		}
		next := &segment{} // a set step was the last: what is left is written
		if i+1 < len(pl.segments) {
			next = pl.segments[i+1]
		}
		if err := pl.goOn(i+1, s.spill, left, next); err != nil {
			return err
		}
		s.spill.close()
		s.spill = nil // its disk goes back before the next segment decides
	}
	return nil
}

// decide asks the set steps of a segment, each about the rows that those before
// it left, in their order. It gives the numbers in the spill of the rows left.
func (pl *pipeline) decide(s *segment) ([]int, error) {
	left := make([]int, s.spill.rows.len())
	for i := range left {
		left[i] = i
	}
	notes, err := s.spill.notes.reader()
	if err != nil {
		return nil, err
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
		for _, row := range left[:len(left)*min(k, 1)] { // the first has seen them as they came
			m, err := look(row)
			if err == nil {
				err = at.set.see(m.seq, list[k-1])
			}
			if err == nil {
				err = pl.tick()
			}
			if err != nil {
				return nil, fmt.Errorf("step %s: %w", at.label, err)
			}
		}
		if left, err = pl.decideOne(at, left, look); err != nil {
			return nil, fmt.Errorf("step %s: %w", at.label, err)
		}
		pl.fallsShort(at)
		end(at)
		at.set = nil // its memory goes back before the next decides
	}
	return left, nil
}

func (pl *pipeline) decideOne(at *stage, rows []int, look func(row int) (meta, error)) ([]int, error) {
	reasons, order, err := at.set.decide()
	if err != nil {
		return nil, err
	}
	left := make([]int, 0, len(rows))
	for i := range rows {
		if order != nil {
			i = order[i]
		}
		reason := reasons(i)
		if reason == "" {
			left = append(left, rows[i])
			continue
		}
		m, err := look(rows[i])
		if err == nil {
			err = pl.drop(at.label, reason, m)
		}
		if err == nil {
			err = pl.tick()
		}
		if err != nil {
			return nil, err
		}
	}
	return left, nil
}

// goOn takes the rows that are left through the next segment, of that number.
func (pl *pipeline) goOn(number int, from *spill, left []int, next *segment) error {
	rows, err := from.rows.reader()
	if err != nil {
		return err
	}
	if len(next.steps) == 0 && len(next.sets) == 0 {
		var raw []byte
		for _, i := range left {
			if raw, err = rows.read(i, raw[:0]); err != nil {
				return err
			}
			pl.kept++
			if err := pl.out.keep(raw); err != nil {
				return err
			}
			if err := pl.tick(); err != nil {
				return err
			}
		}
		return nil
	}
	notes, err := from.notes.reader()
	if err != nil {
		return err
	}
	send := func(send func(input) error) error {
		for _, i := range left {
			raw, err := rows.read(i, nil)
			if err != nil {
				return err
			}
			b, err := notes.read(i, nil)
			if err != nil {
				return err
			}
			m, _, err := from.decode(b, nil)
			if err != nil {
				return err
			}
			if err := send(input{line: Line{Raw: raw}, meta: m}); err != nil {
				return err
			}
		}
		return nil
	}
	work := func(in input, tmp *scratch) finding {
		f := finding{meta: in.meta}
		r, problem := parseRow(in.line.Raw, nil, nil, tmp)
		if problem != "" {
			panic("curate: a spilled row is " + problem) // it was a row when it was spilled
		}
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
