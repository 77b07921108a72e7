package curate

import (
	"fmt"
	"io"
)

// segment is a part of the pipeline that rows go through without waiting: row
// and key steps, and the set steps right behind them, where rows wait.
type segment struct {
	steps []*stage
	sets  []*stage // none: the output is behind
	spill *spill   // of rows that wait
	join  joiner   // the last of sets, where it changes rows
}

// stage is a step at work. Of row, key and set one is there.
type stage struct {
	label string
	row   rowStep
	key   keyStep
	set   setStep
}

// work looks at one row. It runs beside others, so it changes nothing but f; the
// steps it asks are only read.
func (s *segment) work(r *row, f *finding) {
	for i, at := range s.steps {
		if at.key != nil {
			if key, ok := at.key.key(r); ok {
				f.keys = append(f.keys, rowKey{i, key})
			}
			continue
		}
		if f.reason = at.row.apply(r); f.reason != "" {
			f.drop = i
			break
		}
	}
	f.id, f.sample = r.id, r.sample
	if f.reason != "" {
		return
	}
	for _, at := range s.sets {
		f.notes = append(f.notes, at.set.note(r))
	}
	f.raw = r.encoded()
}

// verdict is the step that drops the row, and why. It asks the key steps, so the
// order in which rows come matters.
func (s *segment) verdict(f finding) (at *stage, reason string, err error) {
	for _, k := range f.keys {
		reason, err := s.steps[k.step].key.admit(k.key)
		if err != nil {
			return nil, "", fmt.Errorf("step %s: %w", s.steps[k.step].label, err)
		}
		if reason != "" {
			return s.steps[k.step], reason, nil
		}
	}
	if f.reason != "" {
		return s.steps[f.drop], f.reason, nil
	}
	return nil, "", nil
}

// end gives back what the step holds of the index.
func (at *stage) end() {
	for _, held := range []any{at.set, at.key} {
		if c, ok := held.(io.Closer); ok {
			_ = c.Close()
		}
	}
	at.set, at.key = nil, nil
}
