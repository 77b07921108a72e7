package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// board is the table of stages that the Temporal UI shows as the current
// details of a run.
type board struct {
	run   string
	links Links
	rows  []BoardRow
	index map[string]int

	pause  *r1.Pause
	notice string
}

// BoardRow is one stage as the workflow sees it.
type BoardRow struct {
	Stage    string             `json:"stage"`
	Kind     r1.Kind            `json:"kind"`
	Title    string             `json:"title,omitempty"`
	State    r1.RunState        `json:"state"`
	Started  time.Time          `json:"started,omitzero"`
	Ended    time.Time          `json:"ended,omitzero"`
	Jobs     int                `json:"jobs"`
	Attempts int                `json:"attempts"`          // launched by this execution
	Retried  int                `json:"retried,omitempty"` // of these, those beyond the first of a job
	Live     *AttemptNote       `json:"live,omitempty"`    // the newest attempt that the run was told of
	Metrics  map[string]float64 `json:"metrics,omitempty"`
	Note     string             `json:"note,omitempty"`
	Error    *Failure           `json:"error,omitempty"`

	model modelRef
}

// Failure is an error as data.
type Failure struct {
	Name   string `json:"name,omitempty"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

func newBoard(in RunInput) *board {
	b := &board{run: in.Run, links: in.Links, index: map[string]int{}}
	for i, s := range in.Stages {
		b.rows = append(b.rows, BoardRow{Stage: s.Name, Kind: s.Kind, Title: s.Title, State: r1.RunPending, Jobs: len(s.Jobs), model: s.Model})
		b.index[s.Name] = i
	}
	return b
}

// set changes a row and shows the table anew.
func (b *board) set(ctx workflow.Context, stage string, change func(*BoardRow)) {
	if i, ok := b.index[stage]; ok {
		change(&b.rows[i])
		b.show(ctx)
	}
}

// tell adds what a person should know besides.
func (b *board) tell(ctx workflow.Context, notice string) {
	if notice != "" {
		b.notice = notice
		b.show(ctx)
	}
}

func (b *board) show(ctx workflow.Context) { workflow.SetCurrentDetails(ctx, b.markdown()) }

func (b *board) snapshot() ([]BoardRow, error) { return b.rows, nil }

func (b *board) markdown() string {
	count := map[r1.RunState]int{}
	for _, r := range b.rows {
		count[r.State]++
	}
	head := fmt.Sprintf("%d of %d stages done", count[r1.RunCompleted], len(b.rows))
	for _, state := range []r1.RunState{r1.RunRunning, r1.RunWaiting, r1.RunFailed, r1.RunCancelled, r1.RunSkipped} {
		if n := count[state]; n > 0 {
			head += fmt.Sprintf(", %d %s", n, state)
		}
	}
	if address := b.links.Run(b.run); address != "" {
		head += " · " + link("report", address)
	}
	var t strings.Builder
	if p := b.pause; p != nil {
		t.WriteString("**paused**" + since(p) + ": nothing new starts until `r1ctl unpause " + b.run + "`\n\n")
	}
	t.WriteString(head + "\n\n")
	if b.notice != "" {
		t.WriteString(cell(b.notice) + "\n\n")
	}
	// The web UI gives the table half a page: few columns, and the one that wraps last.
	t.WriteString(row("stage", "state", "time", "pass@1", "numbers", "attempts and notes"))
	t.WriteString(row("---", "---", "---", "---", "---", "---"))
	for i := range b.rows {
		r := &b.rows[i]
		list := r1.KeyMetrics(r.Kind, r.Metrics)
		t.WriteString(row(cell(r.Stage), string(r.State), took(r.Started, r.Ended), b.pass(r),
			cell(numbers(list[:min(2, len(list))])), b.note(r)))
	}
	return t.String()
}

func (b *board) note(r *BoardRow) string {
	var parts []string
	switch {
	case r.Retried > 0 && r.Jobs > 1:
		parts = append(parts, fmt.Sprintf("%d attempts at %d jobs", r.Attempts, r.Jobs))
	case r.Retried > 0:
		parts = append(parts, fmt.Sprintf("%d attempts", r.Attempts))
	case r.Jobs > 1:
		parts = append(parts, fmt.Sprintf("%d jobs", r.Jobs))
	}
	switch {
	case r.Error != nil:
		parts = append(parts, trouble(&r1.Error{Name: r.Error.Name, Detail: r.Error.Detail, Remedy: r.Error.Remedy}))
	case r.Note != "":
		parts = append(parts, cell(r.Note))
	case r.State == r1.RunRunning && r.Live != nil:
		parts = append(parts, "now "+cell(r.Live.String()))
	}
	if l := r.Live; l != nil {
		if l.RolledBack != "" {
			parts = append(parts, cell(l.RolledBack))
		}
		if address := b.links.Log(b.run, r.Stage, l.Job, l.Attempt); address != "" {
			parts = append(parts, link("log", address))
		}
	}
	return strings.Join(parts, " · ")
}

// pass says what a stage did to pass@1: measured on the model it started from,
// and on what it made. It is empty until a stage that measures has ended.
func (b *board) pass(r *BoardRow) string {
	const name = "pass@1"
	if r.Kind == r1.KindEvaluate {
		return "" // it stands among its numbers
	}
	before, after := "", []string(nil)
	for i := range b.rows {
		e := &b.rows[i]
		v, ok := e.Metrics[name]
		if e.Kind != r1.KindEvaluate || !ok {
			continue
		}
		if r.model != (modelRef{}) && e.model == r.model {
			before = r1.Number(v) + " → "
		}
		if e.model.Stage == r.Stage {
			text := r1.Number(v)
			if e.model.Job != "" {
				text = e.model.Job + " " + text
			}
			after = append(after, text)
		}
	}
	if len(after) == 0 {
		return ""
	}
	return cell(before + strings.Join(after, ", "))
}

// since says who paused a run, and when.
func since(p *r1.Pause) string {
	text := " since " + p.At.UTC().Format("2006-01-02 15:04 UTC")
	if p.By != "" {
		text = " by " + cell(p.By) + text
	}
	if p.Stop {
		text += ", with its attempts stopped"
	}
	return text
}
