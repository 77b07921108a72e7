package curate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"runtime"
	"slices"

	"github.com/r1ctl/r1ctl/internal/curate/index"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// malformed is the funnel's name for rows that are not what a row must be.
const malformed = "malformed"

// pipeline pushes rows through the steps and counts what becomes of each. Rows
// are worked on side by side, and everything that depends on other rows (keys,
// counts, files) happens in their order, in one place: take.
type pipeline struct {
	ctx       context.Context
	job       Job
	index     *index.Budget
	compared  hash.Hash // of the rows that steps compare with
	workers   int
	need      []string // fields that every row must have
	out       *output
	labels    []string
	segments  []*segment
	observers []observer
	in, kept  int
	ticks     int
	progress  func(rows int)
	counts    map[[2]string]int // by step and reason
	domains   domainCounts
	short     []r1.FunnelShort
	asked     []r1.FunnelAsked
	bad       firstBad
}

func newPipeline(ctx context.Context, p Params, job Job, out *output, dataset func(string) (Source, error)) (*pipeline, error) {
	pl := &pipeline{
		ctx: ctx, job: job, compared: sha256.New(), workers: job.Workers, need: p.needs(), out: out, progress: job.Progress,
		counts: map[[2]string]int{}, domains: domainCounts{},
		bad: firstBad{limit: job.MaxMalformed, strict: job.Strict}, labels: []string{malformed}, segments: []*segment{{}},
	}
	memory := job.Memory
	if memory == 0 {
		memory = defaultMemory
	}
	pl.index = index.NewBudget(out.dir, memory)
	if pl.workers < 1 {
		pl.workers = runtime.GOMAXPROCS(0)
	}
	for _, s := range p.steps {
		salt := mix64(uint64(job.Seed)) ^ hash64(s.label)
		var running any = s.step
		if st, ok := s.step.(starter); ok {
			var err error
			if running, err = st.start(ctx, env{
				random:  func(seq int64) uint64 { return mix64(mix64(salt) + uint64(seq)) },
				dataset: dataset, compared: pl.compared, embedders: job.Embedders, index: pl.index, dir: out.dir,
			}); err != nil {
				pl.close()
				return nil, fmt.Errorf("start step %s: %w", s.label, err)
			}
		}
		if err := pl.add(s.label, running); err != nil {
			pl.close()
			return nil, err
		}
	}
	return pl, nil
}

func (pl *pipeline) add(label string, running any) error {
	pl.labels = append(pl.labels, label)
	last := pl.segments[len(pl.segments)-1]
	at := &stage{label: label}
	switch t := running.(type) {
	case setStep:
		if last.join != nil {
			last = &segment{}
			pl.segments = append(pl.segments, last)
		}
		at.set = t
		last.join, _ = running.(joiner)
		last.sets = append(last.sets, at)
		if last.spill == nil {
			var err error
			if last.spill, err = newSpill(pl.out.dir, pl.index); err != nil {
				return err
			}
		}
	case keyStep:
		at.key = t
	case rowStep:
		at.row = t
	default:
		return fmt.Errorf("step %s: %T is no step", label, running)
	}
	if at.set == nil {
		if len(last.sets) > 0 {
			last = &segment{}
			pl.segments = append(pl.segments, last)
		}
		last.steps = append(last.steps, at)
	}
	if o, ok := running.(observer); ok {
		pl.observers = append(pl.observers, o)
	}
	return nil
}

func (pl *pipeline) close() {
	for _, s := range pl.segments {
		for _, at := range slices.Concat(s.steps, s.sets) {
			at.end()
		}
		if s.spill != nil {
			s.spill.close()
			s.spill = nil
		}
	}
}

// read takes all rows of a dataset into the pipeline.
func (pl *pipeline) read(d dataset) error {
	first := pl.segments[0]
	next := int64(pl.in)
	send := func(send func(input) error) error {
		for line, err := range d.source.Rows(pl.ctx) {
			if err != nil {
				return err
			}
			line.Raw = bytes.Clone(line.Raw) // the source writes over it
			in := input{line: line, meta: meta{seq: next, at: position{source: d.name, file: line.File, line: line.Number}}}
			next++
			if err := send(in); err != nil {
				return err
			}
		}
		return pl.ctx.Err()
	}
	work := func(in input, tmp *scratch) finding {
		f := finding{meta: in.meta}
		r, problem := in.line.parseWith(pl.need, tmp)
		if problem != "" {
			f.problem, f.raw = problem, in.line.Raw
			if r != nil {
				f.id, f.sample = r.id, r.sample
			}
			return f
		}
		r.seq, r.at = in.seq, in.at
		r.trace()
		f.domain, f.unverified = r.domain, r.verdict != nil && r.verdict.Label == r1.Unverified
		if r.tokens != nil {
			f.tokens = max(*r.tokens, 0)
		}
		for _, o := range pl.observers {
			f.seen = append(f.seen, o.observation(r))
		}
		first.work(r, &f)
		return f
	}
	return flow(pl.ctx, pl.workers, pl.shards(fmt.Sprint("read-", next)), send, work, func(f finding) error {
		pl.in++
		if err := pl.tick(); err != nil {
			return err
		}
		if f.problem != "" {
			pl.bad.note(f.problem, f.at)
			pl.counts[[2]string{malformed, f.problem}]++
			return pl.out.refuse(record(malformed, f.problem, f.meta), f.raw)
		}
		pl.domains.read(f.meta)
		for i, o := range pl.observers {
			if err := o.observe(f.seen[i]); err != nil {
				return err
			}
		}
		return pl.take(first, f)
	})
}

// take decides about a row in its turn.
func (pl *pipeline) take(s *segment, f finding) error {
	at, reason, err := s.verdict(f)
	if err != nil {
		return err
	}
	if reason != "" {
		return pl.drop(at.label, reason, f.meta, nil)
	}
	if len(s.sets) == 0 {
		pl.kept++
		return pl.out.keep(f.raw)
	}
	if err := s.sets[0].set.see(f.seq, f.notes[0]); err != nil {
		return err
	}
	return s.spill.add(f.raw, f.meta, f.notes[1:])
}

func (pl *pipeline) drop(step, reason string, m meta, like json.RawMessage) error {
	pl.counts[[2]string{step, reason}]++
	pl.domains.drop(m, step, reason)
	d := record(step, reason, m)
	d.Like = like
	return pl.out.drop(d)
}

func record(step, reason string, m meta) dropRecord {
	return dropRecord{ID: m.id, Sample: m.sample, Domain: m.domain, Step: step, Reason: reason, Source: m.at.source, File: m.at.file, Line: m.at.line}
}

// countAsked records what a step that has decided asked a model.
func (pl *pipeline) countAsked(at *stage) {
	if s, ok := at.set.(interface{ asked() r1.FunnelAsked }); ok {
		one := s.asked()
		one.Name = at.label
		pl.asked = append(pl.asked, one)
	}
}

// fallsShort records the targets of a step that has decided and were not reached.
func (pl *pipeline) fallsShort(at *stage) {
	s, ok := at.set.(interface{ short() []r1.FunnelShort })
	if !ok {
		return
	}
	for _, one := range s.short() {
		one.Name = at.label + ":" + one.Name
		pl.short = append(pl.short, one)
	}
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
	f := r1.Funnel{In: pl.in, Kept: pl.kept, Sources: sources, Short: pl.short, Asked: pl.asked}
	place := map[string]int{}
	for i, label := range pl.labels {
		place[label] = i
	}
	f.Dropped = listed(pl.counts, place)
	pl.domains.into(&f, place)
	return f
}
