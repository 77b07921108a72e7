package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// jobTable is what the Temporal UI shows as the current details of a stage.
type jobTable struct {
	in   StageInput
	rows []jobRow
	now  time.Time // of the newest change
}

type jobRow struct {
	shape   JobShape
	state   r1.RunState
	started time.Time
	ended   time.Time
	newest  AttemptNote // zero: none yet
	step    int         // where the newest ended attempt stood
	metrics map[string]float64
	last    string // how the attempt before failed
	note    string
	err     *r1.Error
	tries   *tries // nil: none yet
}

func newJobTable(in StageInput) *jobTable {
	t := &jobTable{in: in}
	for _, j := range in.Stage.Jobs {
		t.rows = append(t.rows, jobRow{shape: j, state: r1.RunPending})
	}
	return t
}

// set changes a row and shows the table anew.
func (t *jobTable) set(ctx workflow.Context, job string, change func(*jobRow)) {
	for i := range t.rows {
		if t.rows[i].shape.Name == job {
			change(&t.rows[i])
		}
	}
	t.now = workflow.Now(ctx)
	workflow.SetCurrentDetails(ctx, t.markdown())
}

// skip marks the jobs that never began.
func (t *jobTable) skip(ctx workflow.Context, jobs []string) {
	for _, job := range jobs {
		t.set(ctx, job, func(r *jobRow) { r.state, r.note = r1.RunSkipped, "a job it follows failed" })
	}
}

// lastAttempt is the newest attempt of the last job that has one.
func (t *jobTable) lastAttempt() *AttemptNote {
	for i := len(t.rows) - 1; i >= 0; i-- {
		if n := t.rows[i].newest; n.Attempt > 0 && !t.in.Stage.Kind.Computed() && !t.rows[i].shape.Joins {
			return &AttemptNote{Stage: t.in.Stage.Name, Job: t.rows[i].shape.Name, Attempt: n.Attempt, Resume: n.Resume, RolledBack: n.RolledBack}
		}
	}
	return nil
}

// metrics are the stage's numbers: those of its last job, and where jobs stand
// side by side each job's under its name.
func (t *jobTable) metrics() map[string]float64 {
	if t.in.Stage.Kind != r1.KindDistill && len(t.rows) > 0 {
		return t.rows[len(t.rows)-1].metrics
	}
	out := map[string]float64{}
	for _, r := range t.rows {
		for _, name := range workflow.DeterministicKeys(r.metrics) {
			out[r.shape.Name+"."+name] = r.metrics[name]
		}
	}
	return out
}

func (t *jobTable) markdown() string {
	in := t.in
	var b strings.Builder
	if in.Renewed != nil { // Temporal does not hand on the static summary
		fmt.Fprintf(&b, "%s, continued: this is execution %d of the stage\n\n", cell(stageSummary(in.Stage)), in.Renewed.Times+1)
	}
	if address := in.Links.Run(in.Run); address != "" {
		b.WriteString(link("report", address) + "\n\n")
	}
	b.WriteString(row("job", "state", "time", "steps", "attempts", "numbers", "last failure"))
	b.WriteString(row("---", "---", "---", "---", "---", "---", "---"))
	for i := range t.rows {
		r := &t.rows[i]
		list := r1.KeyMetrics(in.Stage.Kind, r.metrics)
		b.WriteString(row(cell(r.shape.Name), string(r.state), took(r.started, r.ended), r.steps(), t.attempts(r),
			cell(numbers(list[:min(2, len(list))])), t.note(r)))
	}
	return b.String()
}

// attempts is the number of the newest one, and how those before it spent the
// budgets of their classes.
func (t *jobTable) attempts(r *jobRow) string {
	if r.newest.Attempt == 0 {
		return ""
	}
	text := fmt.Sprint(r.newest.Attempt)
	if r.newest.Resume > 0 {
		text += fmt.Sprintf(", from step %d", r.newest.Resume)
	}
	if r.tries != nil {
		now := t.now
		if !r.ended.IsZero() {
			now = r.ended
		}
		if spent := r.tries.spent(now, t.in.Budgets); spent != "" {
			text += " (" + spent + ")"
		}
	}
	return text
}

func (t *jobTable) note(r *jobRow) string {
	var parts []string
	switch {
	case r.err != nil:
		parts = append(parts, trouble(r.err))
	case r.last != "":
		parts = append(parts, cell(r.last))
	}
	if r.newest.RolledBack != "" {
		parts = append(parts, cell(r.newest.RolledBack))
	}
	if r.note != "" {
		parts = append(parts, cell(r.note))
	}
	if address := t.in.Links.Log(t.in.Run, t.in.Stage.Name, r.shape.Name, r.newest.Attempt); address != "" {
		parts = append(parts, link("log", address))
	}
	return strings.Join(parts, " · ")
}

// steps is where the job stands and where it goes, as far as attempts that
// ended have said.
func (r *jobRow) steps() string {
	at := max(r.step, r.newest.Resume)
	switch {
	case r.shape.To > 0 && at > 0:
		return fmt.Sprintf("%d of %d", at, r.shape.To)
	case r.shape.To > 0:
		return fmt.Sprintf("%d to %d", r.shape.From, r.shape.To)
	case at > 0:
		return fmt.Sprint(at)
	}
	return ""
}
