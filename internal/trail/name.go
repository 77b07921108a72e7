package trail

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Name says which row is meant.
type Name struct {
	Stage  string // "": the last stage whose data holds the row
	ID     string
	Sample *int // nil: the first
	Line   int  // in place of ID
}

// lineNumber is what a line looks like; ids of this project are longer.
var lineNumber = regexp.MustCompile(`^[1-9]\d{0,8}$`)

// ParseName reads [STAGE:]ID[:SAMPLE] or STAGE:LINE. stages are those of the run.
func ParseName(text string, plan *r1.Plan) (Name, error) {
	parts := strings.Split(text, ":")
	var n Name
	if plan.Stage(parts[0]) != nil && len(parts) > 1 {
		n.Stage, parts = parts[0], parts[1:]
	}
	n.ID = parts[0]
	switch {
	case len(parts) > 2 || n.ID == "":
		e := &r1.Error{Name: "unknown-row", Detail: fmt.Sprintf("cannot read the row %q", text), Remedy: "write ID, ID:SAMPLE, STAGE:ID:SAMPLE or STAGE:LINE"}
		if near := suggest.Nearest(parts[0], stageNames(plan)); near != "" && len(parts) > 2 {
			e.Detail += fmt.Sprintf("; there is no stage %q, did you mean %q?", parts[0], near)
		}
		return n, e
	case len(parts) == 2:
		sample, err := strconv.Atoi(parts[1])
		if err != nil || sample < 0 {
			e := &r1.Error{Name: "unknown-row", Detail: fmt.Sprintf("cannot read the row %q: %q is no number of a sample", text, parts[1]), Remedy: "write ID:SAMPLE, such as 1f0c:3"}
			if near := suggest.Nearest(parts[0], stageNames(plan)); near != "" {
				e.Detail += fmt.Sprintf("; nor is %q a stage, did you mean %q?", parts[0], near)
			}
			return n, e
		}
		n.Sample = &sample
	case n.Stage != "" && lineNumber.MatchString(n.ID):
		n.Line, _ = strconv.Atoi(n.ID)
		n.ID = ""
	}
	return n, nil
}

func stageNames(plan *r1.Plan) []string {
	var out []string
	for _, s := range plan.Stages {
		out = append(out, s.Name)
	}
	return out
}

// Find looks for a row: in the stage it names, in the training data of a stage that
// makes a model, or without a stage in the last one that has it.
func (r *Run) Find(ctx context.Context, n Name) (Row, error) {
	plan := &r.run.Plan
	if n.Stage != "" {
		stage := r.data(plan.Stage(n.Stage))
		if stage == nil {
			return Row{}, &r1.Error{Name: "no-rows-here", Detail: fmt.Sprintf("stage %s neither makes nor trains on rows", n.Stage), Remedy: "r1ctl funnel " + r.run.ID}
		}
		row, ok, err := r.look(ctx, stage, n)
		if err == nil && !ok {
			err = r.unknown(stage.Name, n)
		}
		return row, notDone(err, stage.Name, r.run.ID)
	}
	for i := len(plan.Stages) - 1; i >= 0; i-- {
		stage := &plan.Stages[i]
		if stage.Kind != r1.KindCurate && stage.Kind != r1.KindSample {
			continue
		}
		row, ok, err := r.look(ctx, stage, n)
		if errors.Is(err, ErrNotCommitted) {
			continue
		}
		if err != nil || ok {
			return row, err
		}
	}
	return Row{}, r.unknown("", n)
}

// notDone is the user's error for a stage whose rows are yet to come.
func notDone(err error, stage, run string) error {
	if !errors.Is(err, ErrNotCommitted) {
		return err
	}
	return &r1.Error{Name: "stage-not-done", Detail: fmt.Sprintf("stage %s has no rows yet", stage), Remedy: "r1ctl status " + run}
}

func (r *Run) unknown(stage string, n Name) error {
	what, where := n.ID, "run "+r.run.ID
	if n.Sample != nil {
		what = fmt.Sprintf("%s:%d", n.ID, *n.Sample)
	}
	if n.Line > 0 {
		what = fmt.Sprintf("line %d", n.Line)
	}
	list := "r1ctl data show " + r.run.ID + " STAGE"
	if stage != "" {
		where, list = "stage "+stage, "r1ctl data show "+r.run.ID+" "+stage
	}
	return &r1.Error{Name: "unknown-row", Detail: fmt.Sprintf("there is no row %s in the data of %s", what, where), Remedy: list + " shows rows with their ids; --dropped those that were dropped"}
}

// data is the stage whose rows are meant by a stage: itself, or the maker of its input
// data where it trains.
func (r *Run) data(stage *r1.PlannedStage) *r1.PlannedStage {
	switch stage.Kind {
	case r1.KindCurate, r1.KindSample, r1.KindEvaluate:
		return stage
	case r1.KindSFT, r1.KindDistill, r1.KindRewardModel, r1.KindGRPO:
		for _, input := range []string{"data", "prompts"} {
			if from, ok := stage.Jobs[0].Inputs[input]; ok {
				return r.run.Plan.Stage(from.Stage)
			}
		}
	}
	return nil
}

// look finds a row in the data of a stage.
func (r *Run) look(ctx context.Context, stage *r1.PlannedStage, n Name) (Row, bool, error) {
	total := 0
	for row, err := range r.Rows(ctx, stage, n.ID) {
		if err != nil {
			return Row{}, false, err
		}
		total++
		switch {
		case n.Line > 0 && total == n.Line:
			return row, true, nil
		case n.Line == 0 && row.ID == n.ID && (n.Sample == nil || same(row.number(), n.Sample)):
			return row, true, nil
		}
	}
	return Row{}, false, nil
}

// number is the number of the sample that a row is, or was.
func (r *Row) number() *int {
	if r.Sample != nil {
		return r.Sample
	}
	return r.Origin.Sample
}

func same(a, b *int) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
