package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// speakEvery is how often plain lines repeat the progress of a stage.
const speakEvery = 30 * time.Second

// lines shows a run as lines that stay: one for every event, and now and then
// one for every running stage.
type lines struct {
	out      io.Writer
	state    map[string]r1.RunState
	attempts map[string]int       // stage/job -> newest attempt spoken of
	spoken   map[string]time.Time // stage -> when something was last said of it
	notice   string
}

func newLines(out io.Writer) lines {
	return lines{out: out, state: map[string]r1.RunState{}, attempts: map[string]int{}, spoken: map[string]time.Time{}}
}

func (p *lines) show(st *runs.Status, notice string, now time.Time) {
	if notice != "" && p.notice == "" { // once, until it works again
		fmt.Fprintln(p.out, clean(notice))
	}
	p.notice = notice
	if st == nil {
		return
	}
	for i := range st.Stages {
		s := &st.Stages[i]
		if p.state[s.Name] != s.State && s.State != r1.RunPending {
			p.state[s.Name] = s.State
			p.spoken[s.Name] = now
			p.event(st, s)
		}
		for _, j := range s.Jobs {
			if j.State == r1.RunRunning && j.Attempts > max(1, p.attempts[s.Name+"/"+j.Name]) {
				p.attempts[s.Name+"/"+j.Name] = j.Attempts
				p.line(st, s.Name, fmt.Sprintf("%s is in attempt %d", j.Name, j.Attempts))
			}
		}
	}
	said := map[string]bool{}
	for _, l := range running(st, now) {
		if now.Sub(p.spoken[l.stage.Name]) > speakEvery || said[l.stage.Name] {
			p.spoken[l.stage.Name] = now
			said[l.stage.Name] = true // every job of a stage whose turn it is
			p.line(st, l.name, l.sentence())
		}
	}
}

func (p *lines) event(st *runs.Status, s *runs.Stage) {
	if s.State != r1.RunRunning {
		p.line(st, s.Name, fmt.Sprintf("%-10s %6s  %s", s.State, Duration(s.Seconds), note(s)))
		return
	}
	title := string(s.Kind)
	if s.Title != "" {
		title += ": " + s.Title
	}
	p.line(st, s.Name, "started    "+title)
}

func (p *lines) line(st *runs.Status, name, text string) {
	clock := time.Duration(st.Seconds * float64(time.Second)).Round(time.Second).String()
	fmt.Fprintf(p.out, "%7s  %-18s %s\n", clock, name, strings.TrimRight(text, " "))
}

// sentence is a running job in one plain line.
func (l live) sentence() string {
	var parts []string
	for _, part := range []string{l.part, l.count(), join(l.metrics(), 4), l.pace(), l.left(), l.odd()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}
