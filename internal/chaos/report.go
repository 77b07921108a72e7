package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Markdown is docs/fault-report.md.
func (r *Result) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Fault report")
	line("")
	line("Written by `make chaos`; every fault is a row of `build/chaos.json`. %s, version %s, seed %d, %d cores, Linux %s, %s.",
		r.Started.Format(time.DateOnly), r.Version, r.Seed, r.Machine.Cores, r.Machine.Kernel, time.Duration(r.Seconds*float64(time.Second)).Round(time.Minute))
	line("")
	line("Real: r1ctl (a build whose only difference are points at which it can be killed), Temporal, S3, the processes, the signals, the disk, the kernel.")
	line("Scripted: in the runs that say so the trainer is a program that keeps the job contract and trains nothing; its outputs are the same bytes however often")
	line("it is interrupted, so that any damage shows. The others train the tiny model of `full-r1 --profile smoke`. A jump of the clock is one of r1ctl's own clock.")
	line("")
	line("| | |")
	line("| --- | ---: |")
	line("| faults injected | %d |", r.Injected)
	line("| … into real training | %d |", r.InjectedReal)
	line("| … into scripted runs | %d |", r.InjectedScript)
	line("| runs, attempts, artifacts read back | %d, %d, %d |", r.Runs, r.Attempts, r.Artifacts)
	line("| jobs doubled | %d |", r.Doubled)
	line("| jobs or processes orphaned | %d |", r.Orphaned)
	line("| committed artifacts damaged | %d |", r.Damaged)
	line("| failures without a name and a remedy | %d |", r.UnnamedFailures)
	line("| engine killed: restart command to the same trainer followed again (at most 10 s) | %s |", r.spread(func(w Row) *float64 { return w.FollowedS }))
	line("| trainer killed: to the start of the next one (at most 10 s) | %s |", r.spread(func(w Row) *float64 { return w.ResumedS }))
	line("")
	line("## By fault")
	line("Steps again: those done a second time by the next attempt; the scripted trainer saves every 4 steps, and a checkpoint counts when it is in S3.")
	line("Recovery: from the fault, or from the end of one that lasts, until the run goes on; for a killed engine until r1ctl follows its trainer again.")
	line("Both as median / most.")
	line("")
	line("| fault | trainer | times | as expected | doubled | orphaned | steps again | recovery, s |")
	line("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, g := range r.groups() {
		line("| %s | %s | %d | %d | %d | %d | %s | %s |", cell(g.rows[0].What), g.trainer, len(g.rows), g.ok(), g.sum(func(w Row) int { return w.Doubled }), g.sum(func(w Row) int { return w.Orphaned }),
			middle(g.lost(), "%.0f"), middle(g.recovered(), "%.1f"))
	}
	if len(r.NotInjected) > 0 {
		line("")
		line("## Not injected")
		for _, s := range r.NotInjected {
			line("- `%s` (%s): %s", s.Fault, s.Rig, s.Reason)
		}
	}
	if len(r.Violations) > 0 {
		line("")
		line("## What did not hold")
		for _, v := range r.Violations {
			line("- %s", v)
		}
	}
	return b.String()
}

// group is the rows of one fault with one trainer.
type group struct {
	fault, trainer string
	rows           []Row
}

// groups are in the order of the table of kinds.
func (r *Result) groups() []group {
	var list []group
	for _, k := range Kinds() {
		for _, trainer := range []string{"real", "scripted"} {
			g := group{fault: k.Name, trainer: trainer}
			for _, w := range r.Rows {
				if w.Fault == k.Name && w.Trainer == trainer {
					g.rows = append(g.rows, w)
				}
			}
			if len(g.rows) > 0 {
				list = append(list, g)
			}
		}
	}
	return list
}

func (g group) sum(of func(Row) int) (n int) {
	for _, w := range g.rows {
		n += of(w)
	}
	return n
}

func (g group) ok() int {
	return g.sum(func(w Row) int {
		if w.OK {
			return 1
		}
		return 0
	})
}

func (g group) lost() (list []float64) {
	for _, w := range g.rows {
		if w.StepsLost != nil {
			list = append(list, float64(*w.StepsLost))
		}
	}
	return list
}

func (g group) recovered() (list []float64) {
	for _, w := range g.rows {
		list = append(list, w.RecoveredS)
	}
	return list
}

// spread is the median and the most of a measure that some rows have.
func (r *Result) spread(of func(Row) *float64) string {
	var list []float64
	for _, w := range r.Rows {
		if v := of(w); v != nil {
			list = append(list, *v)
		}
	}
	text := middle(list, "%.1f")
	if len(list) > 0 {
		text += fmt.Sprintf(" s, %d times", len(list))
	}
	return text
}

// middle is the median and the most of a list.
func middle(list []float64, format string) string {
	if len(list) == 0 {
		return ""
	}
	list = slices.Sorted(slices.Values(list))
	return fmt.Sprintf(format+" / "+format, list[len(list)/2], list[len(list)-1])
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
