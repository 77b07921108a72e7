package trail

import (
	"context"
	"fmt"
	"iter"
	"path"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// DataOf reads the rows that are meant by a stage: those it makes, or trains on.
func (r *Run) DataOf(ctx context.Context, stage *r1.PlannedStage) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		of := r.data(stage)
		if of == nil {
			yield(Row{}, &r1.Error{
				Name: "no-rows-here", Detail: fmt.Sprintf("stage %s neither makes nor trains on rows", stage.Name), Remedy: "r1ctl funnel " + r.run.ID,
			})
			return
		}
		for row, err := range r.Rows(ctx, of, "") {
			if err != nil {
				err = notDone(err, of.Name, r.run.ID)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Before finds the row that a curate stage dropped in the input that it was read from;
// nil where that is outside of the run.
func (r *Run) Before(ctx context.Context, stage *r1.PlannedStage, d Drop) (*Row, error) {
	from, ok := stage.Jobs[0].Inputs[d.Source]
	if !ok {
		return nil, nil
	}
	for row, err := range r.Rows(ctx, r.run.Plan.Stage(from.Stage), d.ID) {
		if err != nil {
			return nil, err
		}
		if row.At.Line == d.Line && path.Base(row.At.File) == path.Base(d.File) {
			return &row, nil
		}
	}
	return nil, nil
}
