package curate

import (
	"context"
	"fmt"
	"sort"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// malformed is the funnel's name for rows that are not what a row must be.
const malformed = "malformed"

// pipeline pushes rows through the steps and counts what becomes of each.
type pipeline struct {
	ctx       context.Context
	out       *output
	stages    []*stage
	observers []observer
	in, kept  int
	ticks     int
	progress  func(rows int)
	counts    map[[2]string]int // by step and reason
}

// stage is a step at work. Of row and set one is there.
type stage struct {
	label string
	row   rowStep
	set   setStep
	spill *spill // of a set step
}

func newPipeline(ctx context.Context, p Params, job Job, out *output, dataset func(string) (Source, error)) (*pipeline, error) {
	pl := &pipeline{ctx: ctx, out: out, progress: job.Progress, counts: map[[2]string]int{}}
	for _, s := range p.steps {
		salt := mix64(uint64(job.Seed)) ^ hash64(s.label)
		var running any = s.step
		if st, ok := s.step.(starter); ok {
			var err error
			if running, err = st.start(ctx, env{
				random:  func(seq int64) uint64 { return mix64(mix64(salt) + uint64(seq)) },
				dataset: dataset,
			}); err != nil {
				pl.close()
				return nil, fmt.Errorf("start step %s: %w", s.label, err)
			}
		}
		at := &stage{label: s.label}
		switch t := running.(type) {
		case rowStep:
			at.row = t
		case setStep:
			at.set = t
			var err error
			if at.spill, err = newSpill(out.dir); err != nil {
				pl.close()
				return nil, err
			}
		}
		if o, ok := running.(observer); ok {
			pl.observers = append(pl.observers, o)
		}
		pl.stages = append(pl.stages, at)
	}
	return pl, nil
}

func (pl *pipeline) close() {
	for _, s := range pl.stages {
		if s.spill != nil {
			s.spill.close()
			s.spill = nil
		}
	}
}

// enter takes a well-formed row into the stage.
func (pl *pipeline) enter(r *row) error {
	r.trace()
	for _, o := range pl.observers {
		o.observe(r)
	}
	return pl.push(0, r)
}

// push takes a row through the steps from number i on, until one drops it, one
// must wait for the others, or it is through.
func (pl *pipeline) push(i int, r *row) error {
	for ; i < len(pl.stages); i++ {
		s := pl.stages[i]
		if s.set != nil {
			s.set.see(r)
			return s.spill.add(r)
		}
		if reason := s.row.apply(r); reason != "" {
			return pl.drop(s.label, reason, r)
		}
	}
	pl.kept++
	return pl.out.keep(r)
}

// finish lets the steps that waited decide, one after another.
func (pl *pipeline) finish() error {
	for i, s := range pl.stages {
		if s.set == nil {
			continue
		}
		reasons, order := s.set.decide()
		err := s.spill.each(order, func(n int, r *row) error {
			if err := pl.tick(); err != nil {
				return err
			}
			if reason := reasons(n); reason != "" {
				return pl.drop(s.label, reason, r)
			}
			return pl.push(i+1, r)
		})
		if err != nil {
			return fmt.Errorf("step %s: %w", s.label, err)
		}
		s.spill.close()
		s.spill, s.set = nil, nil // its memory and disk go back before the next decides
	}
	return nil
}

func (pl *pipeline) drop(step, reason string, r *row) error {
	pl.counts[[2]string{step, reason}]++
	return pl.out.drop(dropRecord{
		ID: r.id, Sample: r.sample, Step: step, Reason: reason, Source: r.at.source, File: r.at.file, Line: r.at.line,
	})
}

// tick looks up from the work now and then.
func (pl *pipeline) tick() error {
	pl.ticks++
	if pl.ticks%256 != 0 {
		return nil
	}
	if pl.progress != nil {
		pl.progress(pl.in)
	}
	return pl.ctx.Err()
}

// funnel is the account so far: malformed rows first, then the steps in order,
// reasons by name.
func (pl *pipeline) funnel(sources []r1.FunnelCount) r1.Funnel {
	f := r1.Funnel{In: pl.in, Kept: pl.kept, Sources: sources}
	labels := []string{malformed}
	for _, s := range pl.stages {
		labels = append(labels, s.label)
	}
	place := map[string]int{}
	for i, label := range labels {
		place[label] = i
	}
	for key, n := range pl.counts {
		f.Dropped = append(f.Dropped, r1.FunnelCount{Name: key[0], Reason: key[1], Rows: n})
	}
	sort.Slice(f.Dropped, func(i, j int) bool {
		a, b := f.Dropped[i], f.Dropped[j]
		if place[a.Name] != place[b.Name] {
			return place[a.Name] < place[b.Name]
		}
		return a.Reason < b.Reason
	})
	return f
}
