package trail

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Coverage is how the rows of a stage's data trace back.
type Coverage struct {
	Stage   string         `json:"stage"`
	Rows    int            `json:"rows"`
	Traced  int            `json:"traced"`  // to a line of a source, through samplers where there were some
	Sources map[string]int `json:"sources"` // rows by the address where their way begins
	Models  map[string]int `json:"models"`  // sampled rows by the stage whose model gave them
	Broken  int            `json:"broken"`
	First   []string       `json:"first_broken,omitempty"` // why, of the first ones
}

// mostBroken bounds the examples of a Coverage.
const mostBroken = 10

// wanted are rows that are looked for in a stage's data: by key the rows of the
// beginning that lead there.
type wanted map[string][]int32

// walk is one look at all rows of a stage.
type walk struct {
	*Run
	rows   map[string]wanted // by stage: exact rows
	asked  map[string]wanted // by stage: prompts, by id
	out    Coverage
	broken map[int32]bool
}

// All follows every row of a stage's data at once: a pass over each dataset on the
// way for each stage that reads it, and some 100 bytes of memory a row.
func (r *Run) All(ctx context.Context, stage *r1.PlannedStage) (Coverage, error) {
	of := r.data(stage)
	if of == nil {
		return Coverage{}, &r1.Error{Name: "no-rows-here", Detail: fmt.Sprintf("stage %s neither makes nor trains on rows", stage.Name), Remedy: "r1ctl funnel " + r.run.ID}
	}
	w := &walk{
		Run: r, rows: map[string]wanted{of.Name: {}}, asked: map[string]wanted{}, broken: map[int32]bool{},
		out: Coverage{Stage: stage.Name, Sources: map[string]int{}, Models: map[string]int{}},
	}
	for row, err := range r.Rows(ctx, of, "") {
		if err != nil {
			return Coverage{}, notDone(err, of.Name, r.run.ID)
		}
		key := keyOf(&row)
		w.rows[of.Name][key] = append(w.rows[of.Name][key], int32(w.out.Rows))
		w.out.Rows++
	}
	for i := len(r.run.Plan.Stages) - 1; i >= 0; i-- {
		s := &r.run.Plan.Stages[i]
		if w.rows[s.Name] == nil && w.asked[s.Name] == nil {
			continue
		}
		if err := w.visit(ctx, s); err != nil {
			return Coverage{}, err
		}
	}
	w.out.Broken = len(w.broken)
	w.out.Traced = w.out.Rows - w.out.Broken
	return w.out, nil
}

func keyOf(r *Row) string {
	sample := -1
	if n := r.number(); n != nil {
		sample = *n
	}
	return fmt.Sprintf("%s\x00%d\x00%s/%s/%s", r.ID, sample, r.Origin.Run, r.Origin.Stage, r.Origin.Job)
}

// visit takes the rows that are looked for in a stage one station back.
func (w *walk) visit(ctx context.Context, s *r1.PlannedStage) error {
	rows, asked := w.rows[s.Name], w.asked[s.Name]
	delete(w.rows, s.Name)
	delete(w.asked, s.Name)
	found := map[string]Row{} // without their texts
	for row, err := range w.Rows(ctx, s, "") {
		if err != nil {
			return err
		}
		key := keyOf(&row)
		of := rows[key]
		if from := asked[row.ID]; from != nil { // the first row of the id is the prompt
			of = append(slices.Clone(of), from...)
			delete(asked, row.ID)
		}
		if of == nil {
			continue
		}
		found[key] = Row{ID: row.ID, Sample: row.Sample, Origin: row.Origin, At: row.At}
		rows = put(rows, key, of)
	}
	for key, of := range rows {
		if _, ok := found[key]; !ok {
			w.lose(of, fmt.Sprintf("stage %s does not hold it", s.Name))
			delete(rows, key)
		}
	}
	for id, of := range asked {
		w.lose(of, fmt.Sprintf("stage %s does not hold its prompt %s", s.Name, id))
	}
	if s.Kind != r1.KindCurate {
		return w.sampled(ctx, s, rows, found)
	}
	return w.curated(ctx, s, rows, found)
}

func put(rows wanted, key string, of []int32) wanted {
	if rows == nil {
		rows = wanted{}
	}
	rows[key] = of
	return rows
}

// lose notes that rows of the beginning cannot be followed.
func (w *walk) lose(of []int32, why string) {
	for _, n := range of {
		if !w.broken[n] && len(w.out.First) < mostBroken {
			w.out.First = append(w.out.First, fmt.Sprintf("row %d: %s", n+1, why))
		}
		w.broken[n] = true
	}
}

// sampled goes from samples to their prompts, and checks what model gave them.
func (w *walk) sampled(ctx context.Context, s *r1.PlannedStage, rows wanted, found map[string]Row) error {
	var from r1.OutputRef
	for _, input := range []string{"problems", "prompts"} {
		if ref, ok := s.Jobs[0].Inputs[input]; ok {
			from = ref
		}
	}
	models := map[string]*Step{}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		row := found[key]
		step := models[row.Origin.SHA256+row.Origin.Model]
		if step == nil {
			step = &Step{Row: row}
			if err := w.model(ctx, s, step); err != nil {
				if e, ok := r1.AsError(err); !ok || e.Name != "broken-trail" {
					return err
				}
				step.Did = err.Error()
			}
			models[row.Origin.SHA256+row.Origin.Model] = step
		}
		if step.Did != "" {
			w.lose(rows[key], step.Did)
			continue
		}
		w.out.Models[modelName(step.Model)] += len(rows[key])
		if w.asked[from.Stage] == nil {
			w.asked[from.Stage] = wanted{}
		}
		w.asked[from.Stage][row.ID] = append(w.asked[from.Stage][row.ID], rows[key]...)
	}
	return nil
}

func modelName(m *Model) string {
	if m.Stage != "" {
		return m.Stage
	}
	return m.Name
}

// curated goes from the rows of a curate stage to the inputs that hold them; those that
// none holds came from outside.
func (w *walk) curated(ctx context.Context, s *r1.PlannedStage, rows wanted, found map[string]Row) error {
	inputs := s.Jobs[0].Inputs
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		from := w.run.Plan.Stage(inputs[name].Stage)
		for row, err := range w.Rows(ctx, from, "") {
			if err != nil {
				return err
			}
			key := keyOf(&row)
			of, ok := rows[key]
			if !ok {
				continue
			}
			if w.rows[from.Name] == nil {
				w.rows[from.Name] = wanted{}
			}
			w.rows[from.Name][key] = append(w.rows[from.Name][key], of...)
			delete(rows, key)
		}
	}
	for key, of := range rows {
		origin := found[key].Origin
		if origin.Source == "" {
			w.lose(of, fmt.Sprintf("no input of stage %s holds it, and it names no source", s.Name))
			continue
		}
		from := address(s, origin.Source)
		if from == "" {
			w.lose(of, fmt.Sprintf("stage %s has no source %q", s.Name, origin.Source))
			continue
		}
		w.out.Sources[from] += len(of)
	}
	return nil
}
