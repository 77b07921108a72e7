package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// printPlan shows a plan to people: a line a stage, then the totals.
func printPlan(w io.Writer, p *planned, formulas bool) error {
	profile := ""
	if p.Profile != "" {
		profile = " (" + p.Profile + ")"
	}
	fmt.Fprintf(w, "%s%s, seed %d: %d stages, %d jobs\n", p.Recipe, profile, p.Seed, len(p.plan.Stages), len(p.Jobs))
	if p.Description != "" {
		fmt.Fprintln(w, p.Description)
	}
	printFork(w, p)
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "STAGE\tKIND\tDO\tROWS OUT\tTIME\tHOURS\tSTORED\tWHY")
	at := 0
	for _, s := range p.plan.Stages {
		jobs := p.Jobs[at : at+len(s.Jobs)]
		said := p.Estimate.Jobs[at : at+len(s.Jobs)]
		at += len(s.Jobs)
		printStage(t, s, jobs, said, p.Reuse.LookedUp)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	fmt.Fprintln(w)
	printTotals(w, p)
	printNotes(w, p)
	if formulas {
		printFormulas(w, p)
	}
	return nil
}

func printStage(w io.Writer, s r1.PlannedStage, jobs []plannedJob, said []estimate.Job, lookedUp bool) {
	do, why := map[string]int{}, ""
	for _, j := range jobs {
		if j.Adopted != "" {
			j.Do = "reuse (adopted)"
		}
		do[j.Do]++
		if (lookedUp || j.Do == "blocked") && (why == "" || j.Adopted != "" && do["run"] == 0 || !strings.HasPrefix(j.Do, "reuse") && do[j.Do] == 1) {
			why = j.Reason
		}
	}
	var what []string
	for _, k := range []string{"run", "reuse", "reuse (adopted)", "blocked"} {
		if do[k] > 0 && len(jobs) > 1 {
			what = append(what, fmt.Sprintf("%s %d", k, do[k]))
		} else if do[k] > 0 {
			what = append(what, k)
		}
	}
	seconds, hours, bytes := estimate.Exactly(0), estimate.Exactly(0), estimate.Exactly(0)
	for _, j := range said {
		seconds, hours, bytes = seconds.Plus(j.Seconds), hours.Plus(j.Hours), bytes.Plus(j.Bytes)
	}
	rows := ""
	if s.Kind == r1.KindSample || s.Kind == r1.KindCurate || s.Kind == r1.KindEvaluate {
		rows = said[0].RowsOut.Rows()
	}
	if s.Gate != nil {
		why = strings.TrimPrefix(why+"; waits for: "+s.Gate.String(), "; ")
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Kind, strings.Join(what, ", "), rows, spanOf(seconds), hoursOf(hours), bytesOf(bytes), why)
}

// counts says how many jobs are run, reused and blocked.
func (p *planned) counts() string {
	do := map[string]int{}
	for _, j := range p.Jobs {
		do[j.Do]++
	}
	out := fmt.Sprintf("%d to run, %d reused", do["run"], do["reuse"])
	if n := do["blocked"]; n > 0 {
		out += fmt.Sprintf(", %d blocked", n)
	}
	return out
}

func printTotals(w io.Writer, p *planned) {
	e := p.Estimate
	unit := "core hours"
	machine := fmt.Sprintf("%d jobs side by side on CPU cores", e.Machine.Slots)
	if e.Machine.Accelerator != "" {
		unit = e.Machine.Accelerator + " hours"
		count := "as many as each job needs"
		if e.Machine.Count > 0 {
			count = fmt.Sprint(e.Machine.Count)
		}
		machine = fmt.Sprintf("%s × %s, %g TFLOP/s and %g GiB each (%s)", count, e.Machine.Accelerator, e.Machine.TFLOPS, e.Machine.MemoryGiB, e.Machine.Source)
	}
	fmt.Fprintf(w, "jobs      %s\n", p.counts())
	if n := p.ThisRun.Jobs; n > 0 && n < len(p.Jobs) {
		fmt.Fprintf(w, "this run  about %s, %s %s\n", spanOf(p.ThisRun.Seconds), hoursOf(p.ThisRun.Hours), unit)
	}
	if p.Drift != nil {
		p.Drift.print(w)
	}
	fmt.Fprintf(w, "from scratch, likely (low to high):\n")
	fmt.Fprintf(w, "  on      %s\n  time    %s\n  compute %s %s\n", machine, atLeast(spanOf(e.Seconds), e), atLeast(hoursOf(e.Hours), e), unit)
	money := "unknown (set prices.accelerator_hour)"
	if e.Machine.Accelerator == "" {
		money = "unknown (set prices.cpu_hour)"
	}
	if e.Money.Known {
		money = atLeast(fmt.Sprintf("%s %s (%s to %s)", r1.Number(e.Money.Likely), e.Currency, r1.Number(e.Money.Low), r1.Number(e.Money.High)), e)
	}
	fmt.Fprintf(w, "  money   %s\n", money)
	fmt.Fprintf(w, "  stored  %s, while it runs %s", bytesOf(e.Bytes), bytesOf(e.Peak))
	if e.Month.Known {
		fmt.Fprintf(w, "; %s %s a month", r1.Number(e.Month.Likely), e.Currency)
	}
	fmt.Fprintln(w)
}

// atLeast marks a total that unknown parts are missing from.
func atLeast(s string, e *estimate.Estimate) string {
	if len(e.Unknown) == 0 {
		return s
	}
	return "at least " + s
}

func printNotes(w io.Writer, p *planned) {
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(w, "%s\n  - %s\n", title, strings.Join(lines, "\n  - "))
		}
	}
	list("unknown, and not in the totals:", p.Estimate.Unknown)
	list("does not fit:", p.Estimate.Warnings)
	var doubts []string
	for _, f := range p.Findings {
		if f.Severity == lint.Warning {
			doubts = append(doubts, fmt.Sprintf("%s: %s (%s)", f.Place, f.Text, f.Rule))
		}
	}
	const few = 5
	if n := len(doubts) - few; n > 0 {
		doubts = append(doubts[:few], fmt.Sprintf("and %d more: r1ctl lint %s --profile %s", n, p.Recipe, p.Profile))
	}
	list("warnings of r1ctl lint:", doubts)
	if !p.Reuse.LookedUp {
		fmt.Fprintf(w, "reuse was not looked up: %s\n", p.Reuse.Why)
	} else if p.Reuse.Against != "" {
		fmt.Fprintf(w, "differences are told against run %s\n", p.Reuse.Against)
	}
	if len(p.Paper) > 0 {
		fmt.Fprintln(w, "beside the paper's cost table (Table 7, H800 hours; nothing above is made from it):")
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		for _, line := range p.Paper {
			partly := ""
			if line.Partly && line.Estimated.Known {
				partly = "  (some of it is unknown)"
			}
			fmt.Fprintf(t, "  %s\tpaper %s\testimate %s%s\t%s\n", line.Name, r1.Number(line.Hours), hoursOf(line.Estimated), partly, strings.Join(line.Stages, ", "))
		}
		_ = t.Flush() // w was written to before
	}
}

func printFormulas(w io.Writer, p *planned) {
	fmt.Fprintln(w, "\nformulas (seconds = operations / (peak × share of the peak × accelerators) + start):")
	seen := map[string]bool{}
	for _, j := range p.Estimate.Jobs {
		if seen[j.Stage+j.Formula] || j.Formula == "" {
			continue
		}
		seen[j.Stage+j.Formula] = true
		past := ""
		if j.Past != "" {
			past = "; corrected by " + j.Past
		}
		size := ""
		if j.Parameters > 0 {
			size = r1.Number(j.Parameters) + " parameters: "
		}
		if j.Accelerators > 0 {
			past += fmt.Sprintf("; %s of memory, so %d accelerators", bytesOf(j.Memory), j.Accelerators)
		}
		fmt.Fprintf(w, "  %s/%s: %s%s%s\n", j.Stage, j.Job, size, j.Formula, past)
	}
	fmt.Fprintln(w, "assumptions, likely (low to high):")
	for _, a := range p.Assumptions {
		fmt.Fprintf(w, "  %s: %g (%g to %g); %s\n", a.Name, a.Value.Likely, a.Value.Low, a.Value.High, a.Source)
	}
}

func spanOf(r estimate.Range) string {
	if !r.Known {
		return "unknown"
	}
	of := func(seconds float64) string {
		d := time.Duration(seconds * float64(time.Second))
		switch {
		case d < time.Minute:
			return fmt.Sprintf("%.0f s", d.Seconds())
		case d < 2*time.Hour:
			return fmt.Sprintf("%.0f min", d.Minutes())
		case d < 72*time.Hour:
			return fmt.Sprintf("%.0f h", d.Hours())
		}
		return fmt.Sprintf("%.0f d", d.Hours()/24)
	}
	return fmt.Sprintf("%s (%s to %s)", of(r.Likely), of(r.Low), of(r.High))
}

func hoursOf(r estimate.Range) string {
	switch {
	case !r.Known:
		return "unknown"
	case r.High == 0:
		return "0"
	}
	return fmt.Sprintf("%s (%s to %s)", r1.Number(r.Likely), r1.Number(r.Low), r1.Number(r.High))
}

func bytesOf(r estimate.Range) string {
	if !r.Known {
		return "unknown"
	}
	of := func(v float64) string {
		for _, u := range []struct {
			size float64
			name string
		}{{1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
			if v >= u.size {
				return fmt.Sprintf("%.3g %s", v/u.size, u.name)
			}
		}
		return fmt.Sprintf("%.0f B", v)
	}
	if r.Low == r.High {
		return of(r.Likely)
	}
	return fmt.Sprintf("%s (%s to %s)", of(r.Likely), of(r.Low), of(r.High))
}

// summary is a plan in a few lines, for start.
func (p *planned) summary() string {
	looked := ""
	if !p.Reuse.LookedUp {
		looked = " (reuse is looked up by the run)"
	}
	this := ""
	if n := p.ThisRun.Jobs; n > 0 && n < len(p.Jobs) {
		this = fmt.Sprintf("; this run about %s", spanOf(p.ThisRun.Seconds))
	}
	return fmt.Sprintf("plan: %d stages, jobs: %s%s%s; from scratch about %s, %s stored\n",
		len(p.plan.Stages), p.counts(), looked, this, atLeast(spanOf(p.Estimate.Seconds), p.Estimate), bytesOf(p.Estimate.Bytes))
}

// printFork says what a plan takes from another run, and what of the recipe that leaves
// without effect.
func printFork(w io.Writer, p *planned) {
	if p.Fork == nil {
		return
	}
	fmt.Fprintf(w, "a fork of run %s at %s: what comes before is taken as that run made it\n", p.Fork.Run, p.Fork.Stage)
	for _, c := range p.Fork.Differs {
		fmt.Fprintf(w, "  not in effect, as %s is taken as it is: %s: %s, was %s\n", strings.SplitN(c.Field, ".", 2)[0], c.Field, short(c.To), short(c.From))
	}
}
