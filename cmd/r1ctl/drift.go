package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// drift is what is known of results that were made otherwise than they would be now, and
// what is done about them.
type drift struct {
	Jobs []drifted `json:"jobs"`
	// Rebuild is what making them, and all that depends on them, anew costs.
	Rebuild estimate.Cost  `json:"rebuild"`
	Choice  r1.DriftChoice `json:"choice"`
	By      string         `json:"by"` // what decided: --drift, the setting drift, an answer, or nobody (the default)
}

// drifted is a result to reuse with what would be otherwise now.
type drifted struct {
	Stage   string     `json:"stage"`
	Job     string     `json:"job"`
	From    string     `json:"from"`
	Differs []r1.Drift `json:"differs"`
}

// drifted lists the results to be reused that were made otherwise. What a fork takes is
// not among them: it is taken as it is.
func (l *lookup) drifted(now r1.Maker) []drifted {
	var out []drifted
	for _, s := range l.plan.Stages {
		for _, j := range s.Jobs {
			f := l.found[r1.JobKey{Stage: s.Name, Job: j.Name}]
			if f.Commit == nil || f.Unneeded || j.Take != nil {
				continue
			}
			if d := f.Commit.Made.Drifts(j.Kind, now); len(d) > 0 {
				out = append(out, drifted{s.Name, j.Name, f.Commit.Origin().String(), d})
			}
		}
	}
	return out
}

// rebuildCost is what it costs to make jobs anew, with what depends on them and would be
// reused.
func (l *lookup) rebuildCost(e *estimate.Estimate, jobs []drifted) estimate.Cost {
	again := map[r1.JobKey]bool{}
	for _, j := range jobs {
		again[r1.JobKey{Stage: j.Stage, Job: j.Job}] = true
	}
	for _, s := range l.plan.Stages {
		for _, j := range s.Jobs {
			key := r1.JobKey{Stage: s.Name, Job: j.Name}
			f := l.found[key]
			if f.Commit == nil || f.Unneeded || j.Take != nil || f.Commit.Made != nil && f.Commit.Made.Adopted != nil {
				continue // it is run anyway, or stays whatever goes into it
			}
			for name, ref := range j.Inputs {
				if again[r1.JobKey{Stage: ref.Stage, Job: ref.Job}] && r1.InputBears(j.Kind, name) {
					again[key] = true
				}
			}
		}
	}
	return e.Part(l.plan, func(stage, job string) bool { return again[r1.JobKey{Stage: stage, Job: job}] })
}

// choose decides about drift: the flag, else the setting, else ask where there is anybody
// to ask, else reuse.
func (d *drift) choose(flag, setting string, ask func(*drift) (r1.DriftChoice, bool)) {
	d.Choice, d.By = r1.DriftReuse, "default"
	if flag != "" {
		d.Choice, d.By = r1.DriftChoice(flag), "--drift"
	} else if setting != "" {
		d.Choice, d.By = r1.DriftChoice(setting), "the setting drift"
	} else if ask != nil {
		if choice, ok := ask(d); ok {
			d.Choice, d.By = choice, "answer"
		}
	}
}

// follow marks the drifted jobs of a plan to be made anew where that was chosen, and decides again.
func (d *drift) follow(ctx context.Context, l *lookup) error {
	if d.Choice == r1.DriftReuse {
		return nil
	}
	how := r1.AnewRebuild
	if d.Choice == r1.DriftFork {
		how = r1.AnewApart
	}
	why := map[r1.JobKey]string{}
	for _, one := range d.Jobs {
		why[r1.JobKey{Stage: one.Stage, Job: one.Job}] = "drift: " + driftText(one.Differs[0])
		l.plan.Stage(one.Stage).Job(one.Job).Anew = how
	}
	otherwise := l.anew
	l.anew = func(j r1.PlannedJob) string {
		if text, ok := why[r1.JobKey{Stage: j.Stage, Job: j.Name}]; ok {
			return text
		}
		return otherwise(j)
	}
	return l.decide(ctx)
}

func driftText(d r1.Drift) string {
	return fmt.Sprintf("%s was %s, is %s now", map[string]string{
		"r1ctl": "r1ctl", "trainer": "the trainer's code", "environment": "the trainer's environment"}[d.What], d.Was, d.Now)
}

// print tells what differs, what a rebuild costs, and what is done.
func (d *drift) print(w io.Writer) {
	if d.By != "answer" { // else it was told with the question
		d.printFound(w)
	}
	done := map[r1.DriftChoice]string{
		r1.DriftReuse:   "they are reused as they are",
		r1.DriftFork:    "they are made anew for this run only; later runs go on reusing the old ones",
		r1.DriftRebuild: "they are made anew, and later runs reuse the new ones",
	}[d.Choice]
	others := ""
	for _, c := range r1.DriftChoices() {
		if c != string(d.Choice) {
			others += ", --drift " + c
		}
	}
	fmt.Fprintf(w, "  %s (%s); otherwise: %s\n", done, d.By, strings.TrimPrefix(others, ", "))
}

func (d *drift) printFound(w io.Writer) {
	fmt.Fprintf(w, "drift: %d results to reuse were made otherwise than they would be now\n", len(d.Jobs))
	var order []string
	of := map[string][]string{}
	for _, j := range d.Jobs {
		for _, one := range j.Differs {
			text := driftText(one)
			if of[text] == nil {
				order = append(order, text)
			}
			of[text] = append(of[text], jobName(j.Stage, j.Job))
		}
	}
	for _, text := range order {
		fmt.Fprintf(w, "  - %s: %s\n", text, few(of[text], 6))
	}
	unknown := ""
	if d.Rebuild.Unknown > 0 {
		unknown = fmt.Sprintf(", and %d jobs of unknown cost", d.Rebuild.Unknown)
	}
	money := ""
	if d.Rebuild.Money.Known {
		money = ", " + hoursOf(d.Rebuild.Money) + " in money"
	}
	fmt.Fprintf(w, "  to make them and what depends on them anew: %d jobs, about %s, %s hours of compute%s%s\n",
		d.Rebuild.Jobs, spanOf(d.Rebuild.Seconds), hoursOf(d.Rebuild.Hours), money, unknown)
}

func jobName(stage, job string) string {
	if job == r1.MainJob {
		return stage
	}
	return stage + "/" + job
}

// few joins the first of many names.
func few(names []string, most int) string {
	if n := len(names) - most; n > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ")
}

// asker asks a person at a terminal about drift; nil where there is none.
func (a *app) asker() func(*drift) (r1.DriftChoice, bool) {
	errs, ok := a.err.(*os.File)
	if !ok || a.json() || !term.IsTerminal(int(errs.Fd())) || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	return func(d *drift) (r1.DriftChoice, bool) { return askDrift(d, os.Stdin, errs) }
}

// askDrift asks until it has an answer; at the end of the input there is none.
func askDrift(d *drift, in io.Reader, out io.Writer) (r1.DriftChoice, bool) {
	d.printFound(out)
	lines := bufio.NewScanner(in)
	for {
		fmt.Fprint(out, "reuse them as they are, fork (make them anew for this run only), or rebuild? [reuse] ")
		if !lines.Scan() {
			fmt.Fprintln(out)
			return "", false
		}
		answer := strings.ToLower(strings.TrimSpace(lines.Text()))
		if answer == "" {
			return r1.DriftReuse, true
		}
		for _, c := range r1.DriftChoices() {
			if strings.HasPrefix(c, answer) && (answer != "r" && answer != "re") {
				return r1.DriftChoice(c), true
			}
		}
		fmt.Fprintf(out, "%q is none of: %s\n", answer, strings.Join(r1.DriftChoices(), ", "))
	}
}
