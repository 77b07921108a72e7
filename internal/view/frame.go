package view

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// Viewport is what a frame is drawn for.
type Viewport struct {
	Now    time.Time
	Width  int // columns; a frame never takes more
	Height int // lines; a frame never takes more. 0: as many as it needs
	Colour bool
	// Links are addresses for the second line, such as "report http://…".
	Links []string
	// Notice is said when what is shown may be old, such as "storage does not answer".
	Notice string
}

// styles are the few looks of a frame. Without colour they change nothing.
type styles struct {
	plain, bold, dim, bar, good, bad, odd lipgloss.Style
}

func newStyles(colour bool) styles {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.Ascii)
	if colour {
		r.SetColorProfile(termenv.ANSI) // the sixteen colours that a terminal's own theme defines
	}
	of := func(c string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(c)) }
	return styles{
		plain: r.NewStyle(), bold: r.NewStyle().Bold(true), dim: r.NewStyle().Faint(true),
		bar: of("6"), good: of("2"), bad: of("1"), odd: of("3"),
	}
}

// frame is a frame in parts, of which a short window leaves some out.
type frame struct {
	head, done, live, sample, rest []string
}

// Frame draws a run in at most v.Height lines of at most v.Width columns. From
// top to bottom: the run, the stages that have ended, the running ones, a
// sample of what the model writes, and the stages that are still to come.
func Frame(st *runs.Status, v Viewport) []string {
	if v.Width < 1 {
		v.Width = 80
	}
	look := newStyles(v.Colour)
	jobs := running(st, v.Now)
	f := frame{
		head:   headLines(st, jobs, v, look),
		done:   doneLines(st, v, look),
		live:   liveLines(jobs, v, look),
		sample: sampleLines(jobs, v, look),
		rest:   restLines(st, v, look),
	}
	if v.Height > 0 {
		f.fit(v, look)
	}
	lines := f.head
	for _, part := range [][]string{f.done, f.live, f.sample, f.rest} {
		lines = append(lines, part...)
	}
	return lines
}

// fit leaves out what does not fit, and says how much: first the stages that
// ended long ago, then the sample, then running stages.
func (f *frame) fit(v Viewport, look styles) {
	if v.Height < len(f.head)+1 {
		f.head, f.rest = f.head[:min(len(f.head), max(1, v.Height-1))], nil
	}
	room := v.Height - len(f.head) - len(f.rest)
	if len(f.live) > room {
		f.done, f.sample = nil, nil
		f.live = leaveOut(f.live, room, false, v, look)
		return
	}
	room -= len(f.live)
	if len(f.sample) > 0 && room < len(f.sample)+min(len(f.done), 2) {
		f.sample = nil
	}
	f.done = leaveOut(f.done, room-len(f.sample), true, v, look)
}

// leaveOut keeps the first or last lines, and one that says how many are gone.
func leaveOut(lines []string, room int, keepLast bool, v Viewport, look styles) []string {
	if len(lines) <= room {
		return lines
	}
	if room < 1 {
		return nil
	}
	gone := len(lines) - room + 1
	text := look.dim.Render(cut(fmt.Sprintf("  … %d more lines left out", gone), v.Width))
	if keepLast {
		return append([]string{text}, lines[gone:]...)
	}
	return append(lines[:room-1:room-1], text)
}

func headLines(st *runs.Status, jobs []live, v Viewport, look styles) []string {
	done := 0
	for i := range st.Stages {
		if st.Stages[i].State == r1.RunCompleted {
			done++
		}
	}
	one := func(s string) []string { return []string{s} }
	elapsed, eta := "", ""
	if !st.Started.IsZero() {
		elapsed = rough(until(st, v.Now).Sub(st.Started))
	}
	if left := remaining(st, jobs); left > 0 && st.State == r1.RunRunning {
		eta = "about " + rough(left) + " left"
	}
	state, mood := string(st.State), look.bad
	switch st.State {
	case r1.RunRunning:
		state = ""
	case r1.RunCompleted:
		mood = look.good
	case r1.RunPending:
		mood = look.plain
	case r1.RunPaused, r1.RunWaiting:
		mood = look.odd
	}
	lines := table([]column{
		{cells: one("run " + st.Run), style: look.bold},
		{cells: one(fmt.Sprintf("%s (%s)", st.Recipe, st.Profile)), style: look.plain, drop: 1},
		{cells: one(state), style: mood},
		{cells: one(elapsed), style: look.plain, drop: 4},
		{cells: one(bar(float64(done)/float64(max(1, len(st.Stages))), 12)), style: look.bar, drop: 2},
		{cells: one(fmt.Sprintf("%d of %d stages", done, len(st.Stages))), style: look.plain, drop: 5},
		{cells: one(eta), style: look.plain, drop: 3},
	}, 1, v.Width)
	links := ""
	for _, l := range v.Links {
		if more := strings.TrimPrefix(links+"  "+l, "  "); width(more) <= v.Width { // half an address is of no use
			links = more
		}
	}
	if links != "" {
		lines = append(lines, look.dim.Render(links))
	}
	if st.State == r1.RunPaused {
		lines = append(lines, look.odd.Render(cut(paused(st), v.Width)))
	}
	if v.Notice != "" {
		lines = append(lines, look.odd.Render(cut(clean(v.Notice), v.Width)))
	}
	return lines
}

func until(st *runs.Status, now time.Time) time.Time {
	if st.State.Ended() && !st.Ended.IsZero() {
		return st.Ended
	}
	return now
}

// doneLines are the stages that ended, in the order they did.
func doneLines(st *runs.Status, v Viewport, look styles) []string {
	var done []*runs.Stage
	for i := range st.Stages {
		if s := &st.Stages[i]; s.State.Ended() && s.State != r1.RunSkipped {
			done = append(done, s)
		}
	}
	sort.SliceStable(done, func(i, j int) bool { return done[i].Ended.Before(done[j].Ended) })
	names, times, notes := make([]string, len(done)), make([]string, len(done)), make([]string, len(done))
	for i, s := range done {
		mark := "✓"
		if s.State != r1.RunCompleted {
			mark = "✗"
		}
		names[i], times[i], notes[i] = mark+" "+s.Name, Duration(s.Seconds), note(s)
		if s.State != r1.RunCompleted && notes[i] == "" {
			notes[i] = string(s.State)
		}
	}
	lines := table([]column{
		{cells: names, style: look.plain},
		{cells: times, style: look.plain},
		{cells: notes, style: look.plain},
	}, len(done), v.Width)
	for i, s := range done {
		style := look.dim
		if s.State != r1.RunCompleted {
			style = look.bad
		}
		lines[i] = style.Render(lines[i])
	}
	return lines
}

// liveLines are the running jobs. In a narrow window they lose, in this order:
// resource use, pace, the third number, the second, the bar, the name of the
// phase, what is odd, the time left.
func liveLines(jobs []live, v Viewport, look styles) []string {
	cells := func(of func(live) string) []string {
		out := make([]string, len(jobs))
		for i, l := range jobs {
			out[i] = of(l)
		}
		return out
	}
	metric := func(n int) func(live) string {
		return func(l live) string {
			if list := l.metrics(); n < len(list) {
				return list[n].String()
			}
			return ""
		}
	}
	long := 10
	if v.Width >= 140 {
		long = 20
	}
	return table([]column{
		{cells: cells(func(l live) string { return "▸ " + l.name }), style: look.bold},
		{cells: cells(func(l live) string { return l.part }), style: look.plain, drop: 6},
		{cells: cells(live.count), style: look.plain},
		{cells: cells(func(l live) string {
			if l.phase != "" || l.total == 0 {
				return ""
			}
			return bar(l.fraction, long)
		}), style: look.bar, drop: 5},
		{cells: cells(live.left), style: look.plain, drop: 8},
		{cells: cells(metric(0)), style: look.good},
		{cells: cells(metric(1)), style: look.good, drop: 4},
		{cells: cells(metric(2)), style: look.good, drop: 3},
		{cells: cells(live.pace), style: look.plain, drop: 2},
		{cells: cells(live.usage), style: look.dim, drop: 1},
		{cells: cells(live.odd), style: look.odd, drop: 7},
	}, len(jobs), v.Width)
}

func bar(fraction float64, length int) string {
	full := min(length, max(0, int(fraction*float64(length)+0.5)))
	return strings.Repeat("█", full) + strings.Repeat("░", length-full)
}

// restLines name the stages that have not begun, and those that never will.
func restLines(st *runs.Status, v Viewport, look styles) []string {
	var waiting, skipped []string
	for i := range st.Stages {
		switch st.Stages[i].State {
		case r1.RunPending:
			waiting = append(waiting, st.Stages[i].Name)
		case r1.RunSkipped:
			skipped = append(skipped, st.Stages[i].Name)
		}
	}
	var lines []string
	for _, part := range []struct {
		word  string
		names []string
	}{{"to come", waiting}, {"skipped", skipped}} {
		if n := len(part.names); n > 0 {
			text := fmt.Sprintf("  %d %s: %s", n, part.word, strings.Join(part.names, ", "))
			lines = append(lines, look.dim.Render(cut(text, v.Width)))
		}
	}
	return lines
}
