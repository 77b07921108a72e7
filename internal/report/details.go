package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

type funnelView struct {
	Funnel
	Parts []funnelPart // of the bar, kept first; of samples, their verdicts
	Sum   string
	By    []domainView
	Short []string // targets that were not reached
}

// domainView is a line of a funnel's table of domains.
type domainView struct {
	Name, Share, Tokens string
	In, Kept            int
}

type funnelPart struct {
	Name, Reason string
	Rows         int
	Share        string
	Width        template.CSS
	Kept         bool
}

func newFunnelView(f Funnel) funnelView {
	v := funnelView{Funnel: f}
	part := func(name, reason string, rows int, kept bool) {
		share := 0.0
		if f.In > 0 {
			share = float64(rows) / float64(f.In)
		}
		v.Parts = append(v.Parts, funnelPart{Name: name, Reason: reason, Rows: rows, Kept: kept, Share: percent(share),
			Width: template.CSS(fmt.Sprintf("flex-grow:%d", rows))})
	}
	if len(f.Verdicts) == 0 {
		part("kept", "", f.Kept, true)
	}
	for _, c := range f.Verdicts {
		part(c.Name, c.Reason, c.Rows, c.Name == string(r1.Correct))
	}
	for _, d := range f.Domains {
		name, share, kept := cmp.Or(d.Name, "(none)"), 0.0, d.Kept
		for _, c := range d.Verdicts { // of samples all are kept: what counts is how many are correct
			kept = 0
			if c.Name == string(r1.Correct) {
				kept = c.Rows
				break
			}
		}
		if d.In > 0 {
			share = float64(kept) / float64(d.In)
		}
		one := domainView{Name: name, In: d.In, Kept: kept, Share: percent(share)}
		if d.TokensKept > 0 {
			one.Tokens = r1.Number(float64(d.TokensKept))
		}
		v.By = append(v.By, one)
	}
	for _, s := range f.Funnel.Short {
		v.Short = append(v.Short, fmt.Sprintf("%s: %d of %d", s.Name, s.Have, s.Want))
	}
	for _, d := range f.Dropped {
		if d.Rows > 0 {
			part(d.Name, d.Reason, d.Rows, false)
		}
	}
	v.Sum = "in = kept + dropped: it adds up"
	if f.Lost != 0 {
		v.Sum = fmt.Sprintf("in − kept − dropped = %d: it does not add up", f.Lost)
	}
	return v
}

type timelineView struct {
	Rows     []ganttRow
	Ticks    []ganttTick
	Totals   []totalRow
	Outside  string
	Startup  string
	Unknown  bool // attempts on the path did not say how they spent their time
	Critical string
	Attempts []attemptRow
}

type ganttRow struct {
	Label    string
	Critical bool
	Reused   string
	Bars     []ganttBar
}

type ganttBar struct {
	Class, Title string
	Place        template.CSS
}

type ganttTick struct {
	Label string
	Place template.CSS
}

type totalRow struct {
	Name, Class         string
	Path, Share, Attend string
}

type attemptRow struct {
	Stage, Job                                    string
	Number                                        int
	Waited, Download, Startup, Train, Upload, CPU string
	Outcome                                       mark
	Detail                                        string
	LogURL                                        string
}

func newTimelineView(r *Report, o Options) timelineView {
	t := r.Timeline
	whole := span{t.Start, t.End}
	v := timelineView{Ticks: ganttTicks(whole)}
	for i := range r.Stages {
		s := &r.Stages[i]
		for k := range s.Jobs {
			j := &s.Jobs[k]
			row := ganttRow{Label: JobName{s.Name, j.Name}.String(), Critical: slices.Contains(t.Critical, JobName{s.Name, j.Name})}
			if j.ReusedFrom != nil {
				row.Reused = "reused from " + j.ReusedFrom.Run
				if from := j.adopted(); from != nil {
					row.Reused = "adopted from " + from.From
				}
			}
			for n := range j.Attempts {
				row.Bars = append(row.Bars, bars(&j.Attempts[n], s.Kind, whole)...)
				v.Attempts = append(v.Attempts, newAttemptRow(r, s, j, &j.Attempts[n], o))
			}
			if len(row.Bars) > 0 || row.Reused != "" {
				v.Rows = append(v.Rows, row)
			}
		}
	}
	total := t.Path.Total()
	unsplit := t.Path.Unsplit > 0 || t.Attempts.Unsplit > 0
	row := func(name, class string, path, attempts float64) {
		if unsplit && path == 0 && attempts == 0 {
			return // not nothing: not known
		}
		one := totalRow{Name: name, Class: class, Path: Duration(path), Attend: Duration(attempts)}
		if total > 0 {
			one.Share = percent(path / total)
		}
		v.Totals = append(v.Totals, one)
	}
	row("training", "train", t.Path.Train, t.Attempts.Train)
	row("trainers starting up: imports, model load", "startup", t.Path.Startup, t.Attempts.Startup)
	row("data work in r1ctl (curate)", "compute", t.Path.Compute, t.Attempts.Compute)
	row("inputs to the machine", "download", t.Path.Download, t.Attempts.Download)
	row("outputs to S3", "upload", t.Path.Upload, t.Attempts.Upload)
	row("waiting for a place: other jobs' trainers ran", "queue", t.Path.Queue, t.Attempts.Queue)
	row("none of these: control, launching, polling", "idle", t.Path.Idle, t.Attempts.Idle)
	if unsplit {
		row("attempts that did not report how they spent their time", "unsplit", t.Path.Unsplit, t.Attempts.Unsplit)
	}
	if total > 0 {
		v.Outside, v.Startup = percent(t.Path.Outside()/total), percent(t.Path.Startup/total)
		v.Unknown = t.Path.Unsplit > 0
	}
	var names []string
	for _, c := range t.Critical {
		names = append(names, c.String())
	}
	v.Critical = strings.Join(names, " → ")
	return v
}

// bars are the parts of an attempt on the time axis, its wait first.
func bars(a *Attempt, kind r1.Kind, whole span) []ganttBar {
	var out []ganttBar
	bar := func(s span, class, what string) {
		if s = s.clip(whole); s.seconds() <= 0 {
			return
		}
		out = append(out, ganttBar{Class: class, Title: fmt.Sprintf("attempt %d, %s: %s", a.Number, what, Duration(s.seconds())), Place: on(s, whole)})
	}
	if !a.Created.IsZero() && a.Started.After(a.Created) {
		bar(span{a.Created, a.Started}, "queue", "waited for a machine")
	}
	var probe Spent
	for _, p := range a.slices(kind) {
		switch p.in(&probe) {
		case &probe.Train:
			bar(p.span, "train", "training")
		case &probe.Startup:
			bar(p.span, "startup", "trainer starting up")
		case &probe.Download:
			bar(p.span, "download", "inputs")
		case &probe.Upload:
			bar(p.span, "upload", "outputs")
		case &probe.Compute:
			bar(p.span, "compute", "data work")
		default:
			bar(p.span, "unsplit", "ran")
		}
	}
	if a.Outcome != "" && a.Outcome != r1.Succeeded {
		bar(span{a.Started, a.last()}, "failed", "ended "+string(a.Outcome))
	}
	return out
}

func on(s, whole span) template.CSS {
	total := whole.seconds()
	return template.CSS(fmt.Sprintf("left:%.3f%%;width:%.3f%%", 100*s.from.Sub(whole.from).Seconds()/total, 100*s.seconds()/total))
}

func ganttTicks(whole span) []ganttTick {
	total := whole.seconds()
	if total <= 0 {
		return nil
	}
	step := total
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400} {
		if total/s <= 7 {
			step = s
			break
		}
	}
	var out []ganttTick
	for at := 0.0; at < total*0.96; at += step {
		out = append(out, ganttTick{Label: tickLabel(at, step), Place: template.CSS(fmt.Sprintf("left:%.3f%%", 100*at/total))})
	}
	return out
}

func tickLabel(at, step float64) string {
	d := time.Duration(at * float64(time.Second))
	switch {
	case at == 0:
		return "0"
	case step < 60:
		return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	case step < 3600:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case step < 86400:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}

func newAttemptRow(r *Report, s *Stage, j *Job, a *Attempt, o Options) attemptRow {
	row := attemptRow{Stage: s.Name, Job: j.Name, Number: a.Number, Waited: "–", Download: "–", Startup: "–", Train: "–", Upload: "–", CPU: "–"}
	var details []string
	if !a.Created.IsZero() && !a.Started.IsZero() {
		row.Waited = Duration(max(0, a.Started.Sub(a.Created).Seconds()))
	}
	if t := a.Timing; t != nil {
		row.Download, row.Startup, row.Train, row.Upload = Duration(t.Download), Duration(t.Startup), Duration(t.Train), Duration(t.Upload)
	} else if s.Kind.Computed() && !a.Started.IsZero() {
		details = append(details, "computed in "+Duration(a.last().Sub(a.Started).Seconds()))
	} else if !a.Started.IsZero() && !a.Ended.IsZero() {
		details = append(details, Duration(a.Ended.Sub(a.Started).Seconds())+" in all")
	}
	if a.Usage != nil {
		row.CPU = Duration(a.Usage.CPUSeconds)
	}
	if a.Step > 0 {
		what := "step"
		if s.Kind == r1.KindSample || s.Kind == r1.KindEvaluate {
			what = "response"
		}
		details = append(details, fmt.Sprintf("to %s %s", what, count(a.Step)))
	}
	if a.ResumedFrom != nil {
		details = append(details, "from "+count(*a.ResumedFrom))
	}
	if a.RolledBack != nil {
		details = append(details, a.RolledBack.String())
	}
	row.Detail = strings.Join(details, ", ")
	switch {
	case a.Outcome == r1.Succeeded:
		row.Outcome = mark{"✓", "good", string(a.Outcome)}
	case a.Outcome != "":
		row.Outcome = mark{"✗", "bad", string(a.Outcome)}
	case r.Live() && j.State == r1.RunRunning && a.Number == j.Attempts[len(j.Attempts)-1].Number:
		row.Outcome = mark{"●", "live", "live"}
		if a.Phase != "" {
			row.Outcome.Word = a.Phase
		}
	default:
		row.Outcome = mark{"✗", "bad", "no result"}
	}
	if o.LogURL != nil && !s.Kind.Computed() {
		row.LogURL = o.LogURL(r1.JobKey{Run: r.Run, Stage: s.Name, Job: j.Name}.Attempt(a.Number))
	}
	return row
}

type stageView struct {
	*Stage
	Mark mark
	Jobs []jobView
}

type jobView struct {
	*Job
	Params []pair
	Reused string
}

// provenance lists what every result rests on.
func provenance(r *Report, _ Options) []stageView {
	var out []stageView
	for i := range r.Stages {
		s := &r.Stages[i]
		v := stageView{Stage: s, Mark: stateMark(s.State)}
		for k := range s.Jobs {
			j := &s.Jobs[k]
			one := jobView{Job: j, Params: params(j.Params)}
			for _, b := range r.Rollbacks {
				if b.Stage == s.Name && b.Job == j.Name {
					one.Params = append(one.Params, pair{fmt.Sprintf("from attempt %d on", b.Attempt+1), b.String()})
				}
			}
			if j.ReusedFrom != nil {
				one.Reused = j.ReusedFrom.String()
			}
			v.Jobs = append(v.Jobs, one)
		}
		out = append(out, v)
	}
	return out
}

// plainJSON writes JSON as people would: no quotes around a text alone, and no
// escapes where none are needed.
func plainJSON(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	canon, err := r1.CanonicalJSON(raw)
	if err != nil {
		return string(raw)
	}
	return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(canon))
}

// params lists a job's parameters as they were given to it.
func params(raw json.RawMessage) []pair {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	var out []pair
	for _, name := range sortedKeys(m) {
		out = append(out, pair{name, plainJSON(m[name])})
	}
	return out
}
