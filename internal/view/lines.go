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
	warnings map[string]time.Time // stage/job -> time of the newest warning spoken of
	back     map[string]int       // stage/job -> roll-backs spoken of
	spoken   map[string]time.Time // stage -> when something was last said of it
	notice   string
	run      r1.RunState
}

func newLines(out io.Writer) lines {
	return lines{out: out, state: map[string]r1.RunState{}, attempts: map[string]int{}, warnings: map[string]time.Time{}, back: map[string]int{}, spoken: map[string]time.Time{}}
}

func (p *lines) show(st *runs.Status, notice string, now time.Time) {
	if notice != "" && p.notice == "" { // once, until it works again
		fmt.Fprintln(p.out, clean(notice))
	}
	p.notice = notice
	if st == nil {
		return
	}
	if st.State != p.run && st.State == r1.RunPaused {
		p.line(st, "run", paused(st))
	}
	if st.State != p.run && p.run == r1.RunPaused {
		p.line(st, "run", "goes on")
	}
	p.run = st.State
	for i := range st.Stages {
		s := &st.Stages[i]
		if before := p.state[s.Name]; before != s.State && s.State != r1.RunPending {
			p.state[s.Name] = s.State
			p.spoken[s.Name] = now
			p.event(st, s, before)
		}
		for _, j := range s.Jobs {
			if j.State == r1.RunRunning && j.Attempts > max(1, p.attempts[s.Name+"/"+j.Name]) {
				p.attempts[s.Name+"/"+j.Name] = j.Attempts
				p.line(st, s.Name, fmt.Sprintf("%s is in attempt %d", j.Name, j.Attempts))
			}
			for _, back := range j.Rollbacks[min(p.back[s.Name+"/"+j.Name], len(j.Rollbacks)):] {
				if back.Job == j.Name {
					p.line(st, s.Name, rollback(back))
				}
			}
			p.back[s.Name+"/"+j.Name] = len(j.Rollbacks)
			for _, w := range j.Warnings {
				if w.Time.After(p.warnings[s.Name+"/"+j.Name]) {
					p.warnings[s.Name+"/"+j.Name] = w.Time
					p.line(st, s.Name, "warning: "+warned(w))
				}
			}
		}
	}
	said := map[string]bool{}
	for _, l := range running(st, now) {
		if l.stage.State != r1.RunRunning {
			continue // it was said, and changes by itself in no way
		}
		if now.Sub(p.spoken[l.stage.Name]) > speakEvery || said[l.stage.Name] {
			p.spoken[l.stage.Name] = now
			said[l.stage.Name] = true // every job of a stage whose turn it is
			p.line(st, l.name, l.sentence())
		}
	}
}

func (p *lines) event(st *runs.Status, s *runs.Stage, before r1.RunState) {
	if s.State == r1.RunRunning && before == r1.RunPaused {
		p.line(st, s.Name, "goes on")
		return
	}
	if s.State == r1.RunPaused || s.State == r1.RunWaiting {
		p.line(st, s.Name, strings.TrimRight(fmt.Sprintf("%-10s %s", s.State, note(s)), " "))
		return
	}
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
