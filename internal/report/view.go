package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/report/chart"
)

// view is a Report in the shape of the page.
type view struct {
	*Report
	Options
	RefreshSeconds int
	Pipeline       template.HTML
	Models         []modelView
	Domains        []legend // of the plot of all models
	AllModels      template.HTML
	AllModelsSmall template.HTML // the same for narrow screens
	Columns        []column
	Classes        []classView
	RL             []rlView
	Training       []panel
	RewardModels   []numbersView
	Sampled        []numbersView // sample stages that count no rows themselves
	Problems       []problemView
	Funnels        []funnelView
	Timeline       timelineView
	Provenance     []stageView
}

// Width is the number of columns of the table of models.
func (v *view) Width() int { return 3 + len(v.Columns) }

// legend explains a line or a dot.
type legend struct {
	Label string
	Style template.CSS
	Kind  string // line, dashed, faint, dot, square, triangle, band
}

// panel is a plot with what explains it.
type panel struct {
	Title   string
	Plot    template.HTML
	Legend  []legend
	Note    string
	Paper   *panel // the paper's counterpart
	Theirs  bool   // it is the paper's, not this run's
	Missing string
}

func newView(r *Report, o Options) (*view, error) {
	v := &view{Report: r, Options: o, RefreshSeconds: RefreshSeconds, Pipeline: pipeline(r)}
	v.Columns = columns(r)
	for i := range r.Models {
		v.Models = append(v.Models, newModelView(r, &r.Models[i], v.Columns))
	}
	var err error
	if v.AllModels, v.Domains, err = dotPlot(r, 0); err != nil {
		return nil, err
	}
	if v.AllModelsSmall, _, err = dotPlot(r, 330); err != nil {
		return nil, err
	}
	for _, c := range r.Classes {
		v.Classes = append(v.Classes, newClassView(r, c))
	}
	for i := range r.RL {
		one, err := newRLView(&r.RL[i], r)
		if err != nil {
			return nil, err
		}
		v.RL = append(v.RL, one)
	}
	if v.Training, err = trainingPanels(r); err != nil {
		return nil, err
	}
	v.RewardModels = lastNumbers(r, r1.KindRewardModel)
	v.Sampled = slices.DeleteFunc(lastNumbers(r, r1.KindSample), func(n numbersView) bool {
		return slices.ContainsFunc(r.Funnels, func(f Funnel) bool { return f.Stage == n.Stage })
	})
	for i := range r.Problems {
		v.Problems = append(v.Problems, newProblemView(&r.Problems[i]))
	}
	for _, f := range r.Funnels {
		v.Funnels = append(v.Funnels, newFunnelView(f))
	}
	v.Timeline = newTimelineView(r, o)
	v.Provenance = provenance(r, o)
	return v, nil
}

// Title is the page's title.
func (v *view) Title() string { return v.Run + " · r1ctl report" }

// Seconds is how long the run took, or has taken.
func (v *view) Seconds() float64 { return v.Report.Timeline.End.Sub(v.Report.Timeline.Start).Seconds() }

// column is a metric beside pass@1.
type column struct{ Key, Label, Title string }

// columns are those that some model has.
func columns(r *Report) []column {
	all := []column{
		{"greedy", "greedy", "share of problems whose greedy answer is correct"},
		{"cons@k", "cons@k", "share of problems whose most frequent answer among k is correct"},
		{"format", "format", "share of responses in the format that was asked for"},
		{"language", "language", "share of the thinking's words in the target language"},
		{"tokens", "tokens", "mean length of a response"},
		{"preference", "preference", "mean score of the reward model"},
		{"reflective", "reflective", "reflective words a response, on average"},
	}
	return slices.DeleteFunc(all, func(c column) bool {
		for _, m := range r.Models {
			for _, s := range m.Scores {
				if v, ok := s.After[c.Key]; ok && (v != 0 || c.Key != "reflective") {
					return false
				}
			}
		}
		return true
	})
}

type modelView struct {
	*Model
	Rows []scoreView
	K    string // samples a problem and problems, in words
}

type scoreView struct {
	Domain        string
	Before, After string // pass@1 with interval; empty: not measured
	Dumbbell      template.HTML
	Class         string // up or down, where that is clear
	Cells         []cell
}

type cell struct{ Label, Was, Is string }

func newModelView(r *Report, m *Model, columns []column) modelView {
	v := modelView{Model: m}
	for _, s := range m.Scores {
		if s.Domain == "" && len(m.Scores) == 2 {
			continue // one domain is all there is
		}
		row := scoreView{Domain: s.Domain, Class: [...]string{"down", "", "up"}[1+Direction(s)], Dumbbell: dumbbell(s)}
		if row.Domain == "" {
			row.Domain = "all"
		}
		row.Before, _ = passAt1(s.Before)
		row.After, _ = passAt1(s.After)
		for _, c := range columns {
			one := cell{Label: c.Label}
			if x, ok := s.After[c.Key]; ok {
				one.Is = number(x)
			}
			if x, ok := s.Before[c.Key]; ok {
				one.Was = number(x)
			}
			row.Cells = append(row.Cells, one)
		}
		v.Rows = append(v.Rows, row)
	}
	if len(m.Scores) > 0 {
		if n, ok := m.Scores[0].After["problems"]; ok {
			v.K = fmt.Sprintf("%s problems", number(n))
			switch k := m.Scores[0].After["k"]; {
			case k == 1:
				v.K += ", one sample each"
			case k > 1:
				v.K += fmt.Sprintf(", %.0f samples each", k)
			}
		}
	}
	return v
}

// dumbbell draws pass@1 before and after on a scale from 0 to 1, to be read at a glance.
func dumbbell(s Score) template.HTML {
	a, ok := s.After["pass@1"]
	if !ok {
		return ""
	}
	const width, left = 112.0, 6.0
	x := func(v float64) float64 { return left + max(0, min(1, v))*(width-2*left) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="dumbbell" viewBox="0 0 %g 20" width="%g" height="20" aria-hidden="true"><path class="scale" d="M%g 10H%g"/>`, width, width, x(0), x(1))
	if v, ok := s.Before["pass@1"]; ok {
		fmt.Fprintf(&b, `<path class="move" d="M%.1f 10H%.1f"/>`, x(v), x(a))
		interval(&b, "before", s.Before, x, 5)
		fmt.Fprintf(&b, `<circle class="before" cx="%.1f" cy="10" r="3.5"/>`, x(v))
	}
	interval(&b, "after", s.After, x, 15)
	fmt.Fprintf(&b, `<circle class="after" cx="%.1f" cy="10" r="4"/></svg>`, x(a))
	return template.HTML(b.String()) // numbers only
}

func interval(b *strings.Builder, class string, m Measure, x func(float64) float64, y float64) {
	low, okl := m["pass@1_low"]
	high, okh := m["pass@1_high"]
	if okl && okh {
		fmt.Fprintf(b, `<path class="interval %s" d="M%.1f %gH%.1f"/>`, class, x(low), y, x(high))
	}
}

// dotPlot shows pass@1 of all models, by domain.
func dotPlot(r *Report, width float64) (template.HTML, []legend, error) {
	var domains []string
	for _, m := range r.Models {
		for _, s := range m.Scores {
			if _, ok := s.After["pass@1"]; ok && s.Domain != "" && !slices.Contains(domains, s.Domain) {
				domains = append(domains, s.Domain)
			}
		}
	}
	if len(domains) == 0 {
		domains = []string{""}
	}
	var rows []chart.Row
	for i := range r.Models {
		m := &r.Models[i]
		if len(m.Scores) == 0 {
			continue
		}
		row := chart.Row{Name: m.Name}
		for _, d := range domains {
			dot := chart.Dot{}
			if s := m.score(d); s != nil {
				dot.Value, dot.Known = s.After["pass@1"]
				low, okl := s.After["pass@1_low"]
				high, okh := s.After["pass@1_high"]
				dot.Low, dot.High, dot.Interval = low, high, okl && okh
			}
			row.Dots = append(row.Dots, dot)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return "", nil, nil
	}
	plot, err := chart.Rows{Title: "pass@1 of every measured model, with 95 % intervals", Rows: rows, Width: width}.SVG()
	if err != nil {
		return "", nil, err
	}
	var legends []legend
	for i, d := range domains {
		if d == "" {
			d = "all problems"
		}
		legends = append(legends, legend{d, style(chart.Of(i)), []string{"dot", "square", "triangle"}[i%3]})
	}
	return plot, legends, nil
}

func style(c chart.Color) template.CSS { return template.CSS("--mark:var(" + c.Variable() + ")") }

type classView struct {
	Class
	Domains []string
	Rows    []classRow
}

type classRow struct {
	Name    string
	Teacher bool
	Cells   []classCell
	Tokens  string
	Cost    string
}

type classCell struct{ Domain, Value, Share string }

func newClassView(r *Report, c Class) classView {
	v := classView{Class: c}
	var reference *Model
	for _, name := range slices.Concat(c.Teachers, c.Students) {
		m := r.model(name)
		if m == nil {
			continue
		}
		for _, s := range m.Scores {
			d := s.Domain
			if d == "" {
				d = "all"
			}
			if _, ok := s.After["pass@1"]; ok && !slices.Contains(v.Domains, d) {
				v.Domains = append(v.Domains, d)
			}
		}
	}
	for _, name := range slices.Concat(c.Teachers, c.Students) {
		m := r.model(name)
		if m == nil {
			continue
		}
		row := classRow{Name: name, Teacher: slices.Contains(c.Teachers, name)}
		if row.Teacher && len(c.Teachers) == 1 {
			reference = m
		}
		for _, d := range v.Domains {
			row.Cells = append(row.Cells, newClassCell(m, reference, d, row.Teacher))
		}
		if len(m.Scores) > 0 {
			if t, ok := m.Scores[0].After["tokens"]; ok {
				row.Tokens = number(t)
			}
		}
		if m.Seconds > 0 {
			row.Cost = Duration(m.Seconds)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

func newClassCell(m, teacher *Model, domain string, isTeacher bool) classCell {
	out := classCell{Domain: domain}
	if domain == "all" {
		domain = ""
	}
	s := m.score(domain)
	if s == nil {
		return out
	}
	out.Value, _ = passAt1(s.After)
	if isTeacher || teacher == nil {
		return out
	}
	t := teacher.score(domain)
	if t == nil || t.After["pass@1"] <= 0 || out.Value == "" {
		return out
	}
	out.Share = fmt.Sprintf("%.0f %% of the teacher's", 100*s.After["pass@1"]/t.After["pass@1"])
	return out
}

// numbersView is a stage with the last numbers of its jobs.
type numbersView struct {
	Stage, Title string
	State        mark
	Numbers      []pair
}

type pair struct{ Name, Value string }

// lastNumbers lists the stages of a kind with the numbers of their commits.
func lastNumbers(r *Report, kind r1.Kind) []numbersView {
	var out []numbersView
	for i := range r.Stages {
		s := &r.Stages[i]
		if s.Kind != kind {
			continue
		}
		v := numbersView{Stage: s.Name, Title: s.Label(), State: stateMark(s.State)}
		for k := range s.Jobs {
			for _, name := range sortedKeys(s.Jobs[k].Metrics) {
				v.Numbers = append(v.Numbers, pair{name, number(s.Jobs[k].Metrics[name])})
			}
		}
		out = append(out, v)
	}
	return out
}

// problemView is a problem with its answers; models that gave the same one share it.
type problemView struct {
	*Problem
	Answers []answerView
}

type answerView struct {
	Answer
	Models []string
}

func newProblemView(p *Problem) problemView {
	v := problemView{Problem: p}
	for _, a := range p.Answers {
		i := slices.IndexFunc(v.Answers, func(o answerView) bool {
			return a.Preference == nil && o.Response == a.Response && o.Verdict.Label == a.Verdict.Label && o.Finish == a.Finish
		})
		if i < 0 {
			v.Answers = append(v.Answers, answerView{Answer: a, Models: []string{a.Model}})
			continue
		}
		v.Answers[i].Models = append(v.Answers[i].Models, a.Model)
	}
	return v
}
