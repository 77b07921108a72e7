package curate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Job is a curate job with everything it reads and writes.
type Job struct {
	Params json.RawMessage
	// Inputs are the datasets of earlier stages, by input name.
	Inputs map[string]Source
	// Files are further rows, read after the inputs in the order given.
	Files []NamedSource
	// Compared are datasets that steps compare with, by name; they give no rows.
	Compared map[string]Source
	// Openers open external sources by the scheme of their address; local paths
	// need none.
	Openers map[string]Opener
	OutDir  string // made if it is not there; files of an earlier run are replaced
	Layout  Layout // of the files in it
	Seed    int64
	// MaxMalformed is the share of malformed rows above which the job fails;
	// 0 means the default, 1 %.
	MaxMalformed float64
	Strict       bool // no row may be malformed
	// Workers is how many rows are worked on at once; 0 means the number of
	// cores. The output does not depend on it.
	Workers int
	// Journal keeps what is found out, for the next try of a run that is killed;
	// nil: none. Build, needed then, names the program, which may find out something
	// else in another version. It is asked only when there is a shard.
	Journal Journal
	Build   func() string
	shard   int // batches in a shard; 0: shardBatches
	// Memory bounds what is held of all rows at once, in bytes; the rest is on disk, in
	// OutDir. 0 means the default, 256 MiB. The output does not depend on it.
	Memory int64
	// Index is told, at the end, the most bytes that were held of all rows; nil is fine.
	Index func(bytes int64)
	// Embedders opens the models of steps that ask an endpoint; nil: there are none.
	Embedders Embedders
	// Progress is called now and then with the rows read so far; nil is fine.
	Progress func(rows int)
}

// NamedSource is a source under the name that records of its rows show.
type NamedSource struct {
	Name   string
	Source Source
}

const (
	defaultMaxMalformed = 0.01
	defaultMemory       = 256 << 20
)

// Run computes a curate job: it reads the inputs in order of name and then the
// sources as listed, except those that a step only compares with, applies the
// steps, and writes OutDir. The funnel accounts for every row: In is Kept plus
// the sum of Dropped. It is also returned, and written, with the errors
// "malformed-rows" and "no-rows-left", so that one can see what happened.
func Run(ctx context.Context, job Job) (r1.Funnel, error) {
	params, err := ParseParams(job.Params)
	if err != nil {
		return r1.Funnel{}, err
	}
	data, err := openAll(ctx, params, job)
	if err != nil {
		return r1.Funnel{}, err
	}
	out, err := newOutput(job.OutDir, job.Layout.complete(params))
	if err != nil {
		return r1.Funnel{}, err
	}
	defer out.abandon()
	pl, err := newPipeline(ctx, params, job, out, data.byName)
	if err != nil {
		return r1.Funnel{}, err
	}
	defer pl.close()

	var counts []r1.FunnelCount
	for _, d := range data.rows {
		before := pl.in
		if err := pl.read(d); err != nil {
			return r1.Funnel{}, fmt.Errorf("curate %s: %w", d.name, err)
		}
		counts = append(counts, r1.FunnelCount{Name: d.name, Rows: pl.in - before})
	}
	if err := pl.finish(); err != nil {
		return r1.Funnel{}, fmt.Errorf("curate: %w", err)
	}
	if job.Index != nil {
		job.Index(pl.index.Peak())
	}
	funnel := pl.funnel(counts)
	if why := funnel.Problem(); why != "" {
		return r1.Funnel{}, fmt.Errorf("curate: rows were lost: %s", why)
	}
	if funnel.Origins, err = writeRecords(job.OutDir, data.outside); err != nil {
		return r1.Funnel{}, fmt.Errorf("curate: %w", err)
	}
	if err := out.close(funnel); err != nil {
		return r1.Funnel{}, fmt.Errorf("curate: %w", err)
	}
	if err := pl.bad.err(pl.in); err != nil {
		return funnel, err
	}
	if funnel.Kept == 0 {
		return funnel, nothingLeft(funnel)
	}
	return funnel, nil
}

// dataset is a source under its name in the recipe.
type dataset struct {
	name   string
	source Source
}

// datasets are all that a job reads: rows go through the steps, others are for
// comparison only.
type datasets struct {
	rows    []dataset
	all     map[string]Source
	outside []recording
}

func (d datasets) byName(name string) (Source, error) {
	if s, ok := d.all[name]; ok {
		return s, nil
	}
	return nil, paramsError("there is no input or source %q; there are %v", name, slices.Sorted(maps.Keys(d.all)))
}

func openAll(ctx context.Context, p Params, job Job) (datasets, error) {
	compared := map[string]bool{}
	for _, s := range p.steps {
		if c, ok := s.step.(comparer); ok {
			compared[c.compared()] = true
		}
	}
	data := datasets{all: maps.Clone(job.Compared)}
	if data.all == nil {
		data.all = map[string]Source{}
	}
	add := func(name string, s Source) {
		data.all[name] = s
		if !compared[name] {
			data.rows = append(data.rows, dataset{name, s})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(job.Inputs)) {
		add(name, job.Inputs[name])
	}
	for _, s := range p.Sources {
		if data.all[s.Name] != nil {
			return datasets{}, paramsError("the source %q has the name of an input", s.Name)
		}
		source, err := openAddress(ctx, s.Address, job.Openers)
		if err != nil {
			return datasets{}, fmt.Errorf("open the source %s: %w", s.Name, err)
		}
		data.outside = append(data.outside, outside(s.Name, source, Origin{s.Address, s.Revision, s.Licence}, compared[s.Name]))
		add(s.Name, shaped(source, s.shape()))
	}
	for _, name := range slices.Sorted(maps.Keys(job.Compared)) {
		data.outside = append(data.outside, outside(name, job.Compared[name], Origin{Address: name}, true))
	}
	for _, f := range job.Files {
		data.outside = append(data.outside, outside(f.Name, f.Source, Origin{Address: f.Name}, false))
		data.rows = append(data.rows, dataset{f.Name, f.Source})
	}
	if len(data.rows) == 0 {
		return datasets{}, paramsError("there is nothing to read: no input, no source")
	}
	return data, nil
}

// firstBad remembers malformed rows for the error they may become.
type firstBad struct {
	limit  float64
	strict bool
	rows   int
	first  string
}

func (b *firstBad) note(problem string, at position) {
	if b.rows == 0 {
		b.first = fmt.Sprintf("%s %s:%d is %s", at.source, at.file, at.line, problem)
	}
	b.rows++
}

func (b *firstBad) err(in int) error {
	if b.limit == 0 && !b.strict {
		b.limit = defaultMaxMalformed
	}
	if float64(b.rows) <= b.limit*float64(in) {
		return nil
	}
	return &r1.Error{
		Name: "malformed-rows",
		Detail: fmt.Sprintf("%d of %d rows are malformed (%.1f %%, at most %.1f %% may be); the first: %s",
			b.rows, in, 100*float64(b.rows)/float64(in), 100*b.limit, b.first),
		Remedy: "correct the rows, or take out the step that needs a field they do not have",
	}
}

// nothingLeft names what dropped most, because an empty dataset would only fail
// later and elsewhere.
func nothingLeft(f r1.Funnel) error {
	most := r1.FunnelCount{Name: "the sources", Reason: "no rows"}
	for _, d := range f.Dropped {
		if d.Rows > most.Rows {
			most = d
		}
	}
	return &r1.Error{
		Name:   "no-rows-left",
		Detail: fmt.Sprintf("no row is left of %d; most were dropped by %s (%s): %d", f.In, most.Name, most.Reason, most.Rows),
		Remedy: "relax that step, or give it better rows: an earlier stage may have learnt too little",
	}
}
