package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// summarize says in sentences what the numbers say, drops as plainly as gains.
func summarize(r *Report) Summary {
	s := Summary{Lead: lead(r)}
	for i := range r.Models {
		if text := effect(r, &r.Models[i]); text != "" {
			s.Findings = append(s.Findings, text)
		}
	}
	if text := verdict(r); text != "" {
		s.Findings = append(s.Findings, text)
	}
	for _, c := range r.Classes {
		if text := lesson(r, c); text != "" {
			s.Findings = append(s.Findings, text)
		}
	}
	s.Findings = append(s.Findings, troubles(r)...)
	return s
}

func lead(r *Report) string {
	done, reused, jobs := 0, 0, 0
	for i := range r.Stages {
		if r.Stages[i].State == r1.RunCompleted {
			done++
		}
		for k := range r.Stages[i].Jobs {
			jobs++
			if r.Stages[i].Jobs[k].ReusedFrom != nil {
				reused++
			}
		}
	}
	n := len(r.Stages)
	var text string
	switch r.State {
	case r1.RunCompleted:
		text = fmt.Sprintf("All %d stages of %s are complete", n, r.Recipe)
	case r1.RunRunning, r1.RunPending, r1.RunWaiting:
		text = fmt.Sprintf("The run is still going: %d of %d stages of %s are complete, and this page shows what is there so far", done, n, r.Recipe)
	default:
		text = fmt.Sprintf("The run is %s, with %d of %d stages of %s complete", r.State, done, n, r.Recipe)
	}
	if seconds := r.Timeline.End.Sub(r.Timeline.Start).Seconds(); seconds > 0 {
		text += fmt.Sprintf(", after %s", Duration(seconds))
	}
	if cpu := cpuSeconds(r); cpu > 0 {
		text += fmt.Sprintf(" and %s of processor time in trainers", Duration(cpu))
	}
	text += "."
	if reused > 0 {
		text += fmt.Sprintf(" %d of %d jobs were reused from earlier runs and cost nothing.", reused, jobs)
	}
	return text
}

func cpuSeconds(r *Report) float64 {
	var sum float64
	for i := range r.Stages {
		for k := range r.Stages[i].Jobs {
			for _, a := range r.Stages[i].Jobs[k].Attempts {
				if a.Usage != nil {
					sum += a.Usage.CPUSeconds
				}
			}
		}
	}
	return sum
}

// verdict sets the last model of the main line, the longest one, beside the best:
// what each stage gained over its own start does not say whether the line gained.
func verdict(r *Report) string {
	var best, last *Model
	measured := 0
	for i := range r.Models {
		m := &r.Models[i]
		if m.Kind == r1.KindDistill || len(m.Scores) == 0 {
			continue
		}
		at, ok := m.Scores[0].After["pass@1"]
		if !ok {
			continue
		}
		measured++
		if last == nil || r.ancestors(m) >= r.ancestors(last) {
			last = m
		}
		if best == nil || at > best.Scores[0].After["pass@1"] {
			best = m
		}
	}
	if measured < 3 {
		return ""
	}
	top, _ := passAt1(best.Scores[0].After)
	if best == last {
		return fmt.Sprintf("The last model, %s, has the highest pass@1 over all problems, %s.", last.Name, top)
	}
	end, _ := passAt1(last.Scores[0].After)
	return fmt.Sprintf("Over all problems %s has the highest pass@1, %s; the last model, %s, has %s.", best.Name, top, last.Name, end)
}

// ancestors counts the models that a model was trained from, one after another.
func (r *Report) ancestors(m *Model) int {
	n := 0
	for m != nil && n < len(r.Models) {
		if m = r.model(m.Parent); m != nil {
			n++
		}
	}
	return n
}

// effect says what a model gained and lost against the one it was trained from.
func effect(r *Report, m *Model) string {
	if m.Kind == r1.KindDistill || len(m.Scores) == 0 {
		return ""
	}
	if m.Scores[0].Before == nil {
		if after, ok := passAt1(m.Scores[0].After); ok {
			return fmt.Sprintf("%s has pass@1 %s on the held-out problems%s.", m.Title, after, byDomain(m))
		}
		return ""
	}
	parts := changes(m.Scores)
	for _, c := range []struct{ key, name string }{{"format", "the share in the asked format"}, {"language", "language consistency"}, {"preference", "the reward model's score"}} {
		if text := moved(m.Scores[0], c.key, c.name); text != "" {
			parts = append(parts, text)
		}
	}
	if text := lengths(m.Scores[0]); text != "" {
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("%s, trained from %s: %s.", m.Title, titleOf(r, m.Parent), strings.Join(parts, "; "))
}

func titleOf(r *Report, name string) string {
	for i := range r.Models {
		if r.Models[i].Name == name {
			return name
		}
	}
	return "a model that was not measured"
}

func byDomain(m *Model) string {
	var parts []string
	for _, s := range m.Scores {
		if v, ok := s.After["pass@1"]; ok && s.Domain != "" {
			parts = append(parts, fmt.Sprintf("%s %.2f", s.Domain, v))
		}
	}
	if len(parts) < 2 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// changes says what happened to pass@1: domains where nothing is clear come
// together, at the end.
func changes(scores []Score) []string {
	var clear, unclear []string
	for _, s := range scores {
		before, okb := passAt1(s.Before)
		after, oka := passAt1(s.After)
		if !okb || !oka || s.Domain == "" && len(scores) > 1 {
			continue // of several domains each speaks for itself
		}
		on := ""
		if s.Domain != "" {
			on = " on " + s.Domain
		}
		switch Direction(s) {
		case 1:
			clear = append(clear, fmt.Sprintf("pass@1%s rose from %s to %s", on, before, after))
		case -1:
			clear = append(clear, fmt.Sprintf("pass@1%s fell from %s to %s", on, before, after))
		default:
			unclear = append(unclear, strings.TrimSpace(fmt.Sprintf("%s (%.2f, then %.2f)", strings.TrimPrefix(on, " "), s.Before["pass@1"], s.After["pass@1"])))
		}
	}
	if len(unclear) > 0 {
		clear = append(clear, "no clear change of pass@1 "+list(unclear))
	}
	return clear
}

// moved says how a share changed, where it did so visibly.
func moved(s Score, key, name string) string {
	b, okb := s.Before[key]
	a, oka := s.After[key]
	if !okb || !oka || math.Abs(a-b) < 0.03 {
		return ""
	}
	verb := "rose"
	if a < b {
		verb = "fell"
	}
	return fmt.Sprintf("%s %s from %.2f to %.2f", name, verb, b, a)
}

// Direction is 1 for a gain of pass@1 that the two 95 % intervals bear out, -1
// for such a loss, and 0 where they do not tell. The intervals are taken as
// independent, which for the same problems errs on the side of 0.
func Direction(s Score) int {
	b, okb := s.Before["pass@1"]
	a, oka := s.After["pass@1"]
	if !okb || !oka {
		return 0
	}
	spread := math.Hypot(side(s.Before, a < b), side(s.After, a > b))
	switch {
	case a-b > spread:
		return 1
	case b-a > spread:
		return -1
	}
	return 0
}

// side is the length of the interval's side: below the value, or above it.
// Without an interval nothing can be told.
func side(m Measure, below bool) float64 {
	low, okl := m["pass@1_low"]
	high, okh := m["pass@1_high"]
	if !okl || !okh {
		return math.Inf(1)
	}
	if below {
		return m["pass@1"] - low
	}
	return high - m["pass@1"]
}

// passAt1 writes pass@1 with its interval.
func passAt1(m Measure) (string, bool) {
	v, ok := m["pass@1"]
	if !ok {
		return "", false
	}
	text := fmt.Sprintf("%.2f", v)
	if low, ok := m["pass@1_low"]; ok {
		text += fmt.Sprintf(" (%.2f–%.2f)", low, m["pass@1_high"])
	}
	return text, true
}

// lengths says how the length of responses changed, where it did so by a tenth.
func lengths(s Score) string {
	b, okb := s.Before["tokens"]
	a, oka := s.After["tokens"]
	if !okb || !oka || b <= 0 || math.Abs(a-b) < b/10 {
		return ""
	}
	if a > b {
		return fmt.Sprintf("responses grew %.1f times, from %.0f to %.0f tokens", a/b, b, a)
	}
	return fmt.Sprintf("responses shrank to %.0f %% of their length, from %.0f to %.0f tokens", 100*a/b, b, a)
}

// lesson says how near students come to the model that wrote their data.
func lesson(r *Report, c Class) string {
	if len(c.Teachers) != 1 {
		return ""
	}
	teacher := r.model(c.Teachers[0])
	if teacher == nil || len(teacher.Scores) == 0 {
		return ""
	}
	t, ok := teacher.Scores[0].After["pass@1"]
	if !ok {
		return ""
	}
	var parts []string
	for _, name := range c.Students {
		if m := r.model(name); m != nil && len(m.Scores) > 0 {
			if text, ok := passAt1(m.Scores[0].After); ok {
				parts = append(parts, fmt.Sprintf("%s reaches %s", name, text))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Students of %s, which has pass@1 %.2f on all problems: %s.", teacher.Name, t, strings.Join(parts, ", "))
}

func (r *Report) model(name string) *Model {
	if i := slices.IndexFunc(r.Models, func(m Model) bool { return m.Name == name }); i >= 0 {
		return &r.Models[i]
	}
	return nil
}

// troubles says what failed, what does not add up, and where time was lost.
func troubles(r *Report) []string {
	var out []string
	for _, f := range r.Funnels {
		if f.Lost != 0 {
			out = append(out, fmt.Sprintf("The rows of %s do not add up: %d are unaccounted for.", f.Stage, f.Lost))
		}
	}
	switch n := len(r.Failures); {
	case n == 0 && !r.Live():
		out = append(out, "No attempt failed.")
	case n == 1:
		out = append(out, "One attempt failed: "+r.Failures[0].Stage+" ("+strings.TrimSuffix(firstSentence(r.Failures[0].Cause), ".")+").")
	case n > 1:
		out = append(out, fmt.Sprintf("%d attempts failed; they are listed below with what followed.", n))
	}
	for _, w := range r.Warnings {
		out = append(out, fmt.Sprintf("Guard %s warned in %s at step %d: %s.", w.Guard, w.Stage, w.Step, strings.TrimSuffix(w.Message, ".")))
	}
	for _, b := range r.Rollbacks {
		out = append(out, fmt.Sprintf("Guard %s ended %s at step %d, which was then %s.", b.Guard, b.Stage, b.AtStep, b))
	}
	p := r.Timeline.Path
	if total := p.Total(); total > 0 && p.Unsplit == 0 && !r.Live() {
		out = append(out, fmt.Sprintf("Of the critical path, %s was spent outside trainer processes, and %s on trainers starting up.",
			percent(p.Outside()/total), percent(p.Startup/total)))
	}
	return out
}

func firstSentence(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s, _ = cut(s, 160)
	return s
}

func percent(share float64) string {
	if share > 0 && share < 0.001 {
		return "< 0.1 %"
	}
	if share > 0 && share < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// Duration writes seconds for people.
func Duration(seconds float64) string {
	switch {
	case seconds < 10:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds < 120:
		return fmt.Sprintf("%.0f s", seconds)
	}
	s := int(seconds + 0.5)
	if s < 2*3600 {
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	}
	if s < 48*3600 {
		return fmt.Sprintf("%d h %02d min", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%d d %02d h", s/86400, s%86400/3600)
}

// list joins words: a, b and c.
func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
