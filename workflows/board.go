package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// board is the table of stages that the Temporal UI shows as the current
// details of a run.
type board struct {
	rows  []BoardRow
	index map[string]int
}

// BoardRow is one stage as the workflow sees it.
type BoardRow struct {
	Stage string      `json:"stage"`
	Kind  r1.Kind     `json:"kind"`
	Title string      `json:"title,omitempty"`
	State r1.RunState `json:"state"`
	Note  string      `json:"note,omitempty"`
}

func newBoard(stages []StageShape) *board {
	b := &board{index: map[string]int{}}
	for i, s := range stages {
		b.rows = append(b.rows, BoardRow{Stage: s.Name, Kind: s.Kind, Title: s.Title, State: r1.RunPending})
		b.index[s.Name] = i
	}
	return b
}

func (b *board) set(ctx workflow.Context, stage string, state r1.RunState, note string) {
	row := &b.rows[b.index[stage]]
	row.State, row.Note = state, note
	workflow.SetCurrentDetails(ctx, b.markdown())
}

func (b *board) snapshot() ([]BoardRow, error) { return b.rows, nil }

func (b *board) markdown() string {
	var t strings.Builder
	t.WriteString("| stage | kind | state | |\n| --- | --- | --- | --- |\n")
	for _, r := range b.rows {
		note := r.Note
		if note == "" {
			note = r.Title
		}
		if len(note) > 160 {
			note = note[:160] + "…"
		}
		fmt.Fprintf(&t, "| %s | %s | %s | %s |\n", r.Stage, r.Kind, r.State, strings.NewReplacer("|", "\\|", "\n", " ").Replace(note))
	}
	return t.String()
}
