package curate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/r1ctl/r1ctl/internal/curate/index"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// StepDef describes a step to those who check or document recipes.
type StepDef struct {
	Name   string // the value of its key "do"
	Doc    string
	Params []Param

	decode func(raw json.RawMessage) (step, error)
}

// Param describes one parameter of a step.
type Param struct {
	Name     string
	Type     string // integer, number, text, list (of text), map (of integer)
	Required bool
	Default  any      // nil: none
	Allowed  []string // of a text or the elements of a list; nil: any
}

// step is a step's parameters, as decoded: see rowStep and setStep for what runs.
type step interface {
	// check refuses parameters that make no sense.
	check() error
	// needs names the fields every row of the stage must have.
	needs() []string
}

// rowStep judges each row by itself. It is asked about several at once.
type rowStep interface {
	// apply returns why the row is dropped, or "". It may change the row.
	apply(r *row) (reason string)
}

// keyStep judges a row by a key and the keys of the rows before it.
type keyStep interface {
	// key is asked for several rows at once; without ok the row stays.
	key(r *row) (key [16]byte, ok bool)
	// admit is asked in the order of the rows.
	admit(key [16]byte) (reason string, err error)
}

// setStep must see all rows before it can decide. One with Close, as a keyStep with
// it, holds some of the index.
type setStep interface {
	// note is what see needs to know of a row; it is asked for several at once.
	note(r *row) []byte
	// see is told each row that reaches the step, in order. note is valid until it
	// returns.
	see(seq int64, note []byte) error
	// decide is called after the last row. The i-th row seen is dropped for
	// reasons(i), unless that is "". order lists the rows in their new order;
	// nil leaves it.
	decide() (reasons func(i int) (string, error), order iter.Seq2[int, error], err error)
}

// joiner is a set step that changes rows once it has decided.
type joiner interface {
	setStep
	// groups is asked after decide. The rows that are left, in their new order, are
	// taken in groups of these sizes.
	groups() []int
	// join changes the rows of the n-th group.
	join(n int, rows []*row)
}

// observer is a step that counts over all rows that enter the stage, also
// those that steps before it drop.
type observer interface {
	observation(r *row) []byte // asked for several rows at once
	observe(observation []byte) error
}

// liker is a set step that knows what a row which it drops is like.
type liker interface{ like(i int) json.RawMessage }

// endpointAsker is a step that asks an endpoint of the site.
type endpointAsker interface{ asks() string }

// comparer is a step that compares with a dataset, whose rows are not taken over.
type comparer interface{ compared() string }

// starter makes the running form of a step that has state; a step without this
// method is a rowStep itself.
type starter interface {
	start(ctx context.Context, env env) (any, error)
}

// env is what a step with state may ask for.
type env struct {
	// random is a number that depends on the seed, the step and the row only.
	random func(seq int64) uint64
	// dataset opens an input or source by name.
	dataset func(name string) (Source, error)
	// compared is written the rows that the step compares with, where findings
	// depend on them.
	compared io.Writer
	// embedders opens a model at an endpoint; nil: none can be asked.
	embedders Embedders
	// index is for what the step keeps of each row.
	index *index.Budget
	// dir is where files may be made that have no name.
	dir string
}

// Steps is the table of all steps, in the order of docs/recipes.md.
func Steps() []StepDef {
	return []StepDef{
		correctDef(), finishedDef(), truncatedDef(), formatDef(), languageDef(), readableDef(), repetitionDef(), repeatedLinesDef(), loopDef(),
		lengthDef(), paragraphDef(), codeBlockDef(), leakageDef(), refusalDef(), piiDef(), behavioursDef(), passRateDef(), refineDef(), dedupDef(), nearDedupDef(),
		decontaminateDef(), paraphraseDef(), selectDef(), capDef(), mixDef(), shuffleDef(),
		reviewDef(), askDef(), takeResponseDef(), judgedDef(), safetyDef(), nearestDef(), similarDef(), sameProblemDef(), comparePairsDef(), preferenceDef(),
	}
}

// noParams is embedded by steps that take none.
type noParams struct{}

func (noParams) check() error { return nil }

// decodeInto makes a StepDef's decode: strict about names and types, on top of defaults.
func decodeInto[S step](defaults S) func(json.RawMessage) (step, error) {
	fresh := encode(defaults)
	return func(raw json.RawMessage) (step, error) {
		// A copy would share its lists with the next step of the kind.
		var s S
		if err := json.Unmarshal(fresh, &s); err != nil {
			return nil, err
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&s); err != nil {
			return nil, err
		}
		return s, s.check()
	}
}

// Params are the parameters of a curate job, decoded and checked.
type Params struct {
	Sources []SourceParam
	// Format, ShardRows and ShardBytes (of JSON) say how the rows are written; "" and 0: as the Layout says.
	Format     string
	ShardRows  int
	ShardBytes int64
	steps      []namedStep
}

// SourceParam is an external dataset.
type SourceParam struct {
	Name     string  `json:"name"`
	Address  string  `json:"address"`
	Columns  Columns `json:"columns"`
	Domain   string  `json:"domain"` // of all rows, as are the next two; "": each row's own
	Verifier string  `json:"verifier"`
	Split    string  `json:"split"`
	Licence  string  `json:"licence"`  // where the source itself names none
	Revision string  `json:"revision"` // likewise
}

// shape is what the parameters say of the rows.
func (s SourceParam) shape() shape {
	out := shape{columns: s.Columns, fixed: map[string]string{}}
	for field, value := range map[string]string{"domain": s.Domain, "verifier": s.Verifier, "split": s.Split} {
		if value != "" {
			out.fixed[field] = value
		}
	}
	return out
}

// namedStep is a step with the name it has in the funnel: a second step of one
// kind is "<name>#2".
type namedStep struct {
	label string
	step
}

// ParseParams decodes params strictly: unknown keys, unknown steps and values
// out of range are errors.
func ParseParams(raw json.RawMessage) (Params, error) {
	var wire struct {
		Sources    []SourceParam                `json:"sources"`
		Steps      []map[string]json.RawMessage `json:"steps"`
		Format     string                       `json:"format"`
		ShardRows  int                          `json:"shard_rows"`
		ShardBytes int64                        `json:"shard_bytes"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&wire); err != nil {
		return Params{}, paramsError("params: %v", err)
	}
	p := Params{Sources: wire.Sources, Format: wire.Format, ShardRows: wire.ShardRows, ShardBytes: wire.ShardBytes}
	if p.Format != "" && FormatOf("."+p.Format) != p.Format {
		return Params{}, paramsError("format: expected one of %s, found %q", strings.Join(Formats(), ", "), p.Format)
	}
	names := map[string]bool{}
	for i, s := range wire.Sources {
		if s.Name == "" || s.Address == "" {
			return Params{}, paramsError("sources[%d]: needs a name and an address", i)
		}
		if names[s.Name] {
			return Params{}, paramsError("sources[%d]: the name %q is taken", i, s.Name)
		}
		names[s.Name] = true
	}
	defs := map[string]StepDef{}
	var known []string
	for _, def := range Steps() {
		defs[def.Name] = def
		known = append(known, def.Name)
	}
	count := map[string]int{}
	for i, fields := range wire.Steps {
		if fields["do"] == nil && fields["filter"] != nil { // as r1ctl curate says it
			fields["do"] = fields["filter"]
			delete(fields, "filter")
		}
		var name string
		if err := json.Unmarshal(fields["do"], &name); err != nil {
			return Params{}, paramsError("steps[%d]: the key do must name a step", i)
		}
		def, ok := defs[name]
		if !ok {
			hint := strings.Join(known, ", ")
			if near := suggest.Nearest(name, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			return Params{}, paramsError("steps[%d]: unknown step %q (%s)", i, name, hint)
		}
		delete(fields, "do")
		for key, value := range fields {
			if string(value) == "null" { // as a resolved recipe writes what is not set
				delete(fields, key)
			}
		}
		s, err := def.decode(encode(fields))
		if err != nil {
			return Params{}, paramsError("steps[%d] (%s): %v", i, name, err)
		}
		count[name]++
		label := name
		if count[name] > 1 {
			label = fmt.Sprintf("%s#%d", name, count[name])
		}
		p.steps = append(p.steps, namedStep{label, s})
	}
	return p, nil
}

// Needs lists the fields that every row must have for a step, given as a resolved
// recipe has it, with the key do. Of a step that is none, nothing is known.
func Needs(step map[string]any) []string {
	raw, err := json.Marshal(map[string]any{"steps": []any{step}})
	if err != nil {
		return nil
	}
	p, err := ParseParams(raw)
	if err != nil {
		return nil
	}
	return p.needs()
}

// needs is the union of what the steps need, in the order of the steps.
func (p Params) needs() []string {
	var all []string
	seen := map[string]bool{}
	for _, s := range p.steps {
		for _, field := range s.needs() {
			if !seen[field] {
				seen[field] = true
				all = append(all, field)
			}
		}
	}
	return all
}

func paramsError(format string, args ...any) error {
	return &r1.Error{
		Name: "bad-curate-params", Detail: "curate: " + fmt.Sprintf(format, args...),
		Remedy: "correct the stage's params; docs/recipes.md lists the steps and what they take",
	}
}

// Endpoints lists the endpoints that the steps of a curate job ask, by the names that the site
// has for them. Of params that are none, nothing is known.
func Endpoints(params json.RawMessage) []string {
	p, err := ParseParams(params)
	if err != nil {
		return nil
	}
	var names []string
	for _, s := range p.steps {
		if a, ok := s.step.(endpointAsker); ok {
			names = append(names, a.asks())
		}
	}
	return names
}
