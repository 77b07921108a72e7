package report

import (
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// plannedView is the plan beside what happened.
type plannedView struct {
	Hours string // what the hours are of
	Rows  []plannedRow
	Notes []string
}

// plannedRow is a line of it. Cells are time, hours, storage and rows.
type plannedRow struct {
	Name  string
	Note  string
	Bold  bool
	Cells []plannedCell
}

type plannedCell struct{ Label, Planned, Actual, Ratio string }

// Planned is the plan beside what happened; nil while the run goes on, and where nobody
// kept an estimate.
func (r *Report) Planned() *plannedView {
	a := r.Against
	if a == nil || a.Total.Jobs == 0 {
		return nil
	}
	v := &plannedView{Hours: "core hours", Notes: a.Notes}
	if a.Accelerator != "" {
		v.Hours = a.Accelerator + " hours"
	}
	none := plannedCell{}
	row := func(name string, s estimate.StageAgainst) plannedRow {
		out := plannedRow{Name: name, Cells: []plannedCell{cellOf("time", s.Seconds, Duration), cellOf(v.Hours, s.Hours, r1.Number), cellOf("stored", s.Bytes, wholeBytes), none}}
		if s.Rows != nil {
			out.Cells[3] = cellOf("rows", *s.Rows, r1.Number)
		}
		if s.Reused > 0 {
			out.Note = fmt.Sprintf("%d jobs reused", s.Reused)
		}
		if s.Tries > 0 {
			out.Note = strings.TrimPrefix(fmt.Sprintf("%s, %d further attempts", out.Note, s.Tries), ", ")
		}
		return out
	}
	for _, s := range a.Stages {
		if s.Jobs > 0 {
			v.Rows = append(v.Rows, row(s.Stage, s))
		}
	}
	sum := row("sum of what is known", a.Total)
	wall := plannedRow{Name: "wall time", Cells: []plannedCell{cellOf("time", a.Seconds, Duration), none, none, none}}
	sum.Bold, wall.Bold = true, true
	v.Rows = append(v.Rows, sum, wall)
	return v
}

func cellOf(label string, b estimate.Beside, of func(float64) string) plannedCell {
	c := plannedCell{Label: label, Planned: "unknown", Actual: "unknown"}
	if p := b.Planned; p.Known {
		c.Planned = of(p.Likely)
		if p.Low != p.High {
			c.Planned += fmt.Sprintf(" (%s to %s)", of(p.Low), of(p.High))
		}
	}
	if b.Actual != nil {
		c.Actual = of(*b.Actual)
	}
	if b.Ratio != nil {
		c.Ratio = fmt.Sprintf("%.2g×", *b.Ratio)
	}
	return c
}

func wholeBytes(v float64) string { return byteSize(int64(v)) }

// adopted says where a job's result comes from, if that is from outside.
func (j *Job) adopted() *r1.Adopted {
	if j.Made == nil {
		return nil
	}
	return j.Made.Adopted
}

// Origin says in sentences what the run took from another, and what it made anew.
func (r *Report) Origin() []string {
	var out []string
	if f := r.Fork; f != nil {
		out = append(out, fmt.Sprintf("Forked from run %s at %s: what comes before is that run's.", f.Run, f.Stage))
		for _, c := range f.Differs {
			out = append(out, fmt.Sprintf("The recipe's %s (%s) is not in effect, as that stage was taken as it was (%s).", c.Field, c.To, c.From))
		}
	}
	if len(r.Rebuild) > 0 {
		out = append(out, fmt.Sprintf("Made anew although equal results were there: %s.", list(r.Rebuild)))
	}
	switch r.Drift {
	case r1.DriftReuse:
		out = append(out, "Some results that were reused were made by other code or in another environment than this run's.")
	case r1.DriftFork, r1.DriftRebuild:
		out = append(out, "Results that other code or another environment had made were made anew.")
	}
	return out
}
