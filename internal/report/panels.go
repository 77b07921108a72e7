package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/report/chart"
	"github.com/r1ctl/r1ctl/internal/report/paper"
)

type rlView struct {
	*RL
	State  mark
	Panels []panel
	More   []panel // what few look at
	Empty  bool
}

// newRLView draws the curves of a grpo stage, each beside the paper's where it has one.
func newRLView(rl *RL, r *Report) (rlView, error) {
	v := rlView{RL: rl, Empty: len(rl.Curves) == 0 && len(rl.Evals) == 0}
	if s := r.stage(rl.Stage); s != nil {
		v.State = stateMark(s.State)
	}
	if v.Empty {
		return v, nil
	}
	d := drawing{rl: rl}
	d.add("Accuracy", d.accuracy()...)
	if rl.FromBase {
		d.beside(d.paperAccuracy)
	}
	d.add("Response length, tokens", d.trainAndHeldOut("tokens", "training questions", "held-out problems")...)
	if rl.FromBase {
		d.beside(d.paperLength)
	}
	d.add("Reward", d.single("reward")...)
	d.add("KL from the reference", d.single("kl")...)
	d.add("Entropy, nats a token", d.single("entropy")...)
	d.add("Format reward", d.trainAndHeldOut("format", "training questions", "held-out problems")...)
	d.add("Language consistency", d.trainAndHeldOut("language", "training questions", "held-out problems")...)
	d.add("Preference reward", d.single("preference")...)
	if slices.ContainsFunc(rl.Evals, func(e EvalPoint) bool { return e.Values["reflective"] > 0 }) {
		d.add("Reflective words a response", d.trainAndHeldOut("reflective", "training questions", "held-out problems")...)
	}
	if slices.ContainsFunc(rl.Evals, countsBehaviours) {
		d.add(behavioursTitle, d.evalFamily(behaviourPrefix)...)
		d.note("Counted by rules, which miss half and more of what a person sees (docs/behaviours.md): to compare, not to take at their word.")
	}
	if lines := d.family("accuracy_"); len(lines) > 1 {
		d.add("Accuracy by domain, training", lines...)
	}
	if lines := d.evalFamily("pass@1_"); len(lines) > 1 {
		d.add("pass@1 by domain, held-out", lines...)
	}
	v.Panels, d.panels = d.panels, nil
	for _, name := range []string{"loss", "grad_norm", "learning_rate", "clip_ratio", "clipped", "unverified", "seconds"} {
		d.add(otherNames[name], d.single(name)...)
	}
	v.More = d.panels
	return v, d.err
}

const behavioursTitle = "Share of held-out responses that show a behaviour"

// behaviourPrefix begins the names of values of the four behaviours.
const behaviourPrefix = "behaviour_"

// countsBehaviours tells whether they were counted: that none is shown is a finding too.
func countsBehaviours(e EvalPoint) bool {
	for name := range e.Values {
		if strings.HasPrefix(name, behaviourPrefix) {
			return true
		}
	}
	return false
}

var otherNames = map[string]string{
	"loss": "Loss", "grad_norm": "Gradient norm", "learning_rate": "Learning rate", "clip_ratio": "Share of clipped ratios",
	"clipped": "Share of responses cut at max_tokens", "unverified": "Unverified responses", "seconds": "Seconds a step",
}

// drawing gathers the panels of a stage, and the first error.
type drawing struct {
	rl     *RL
	panels []panel
	err    error
}

// stroke is a line with its legend and, for measurements, its interval.
type stroke struct {
	lines  []chart.Line
	band   *chart.Band
	legend legend
}

// add draws a panel; a curve that is not there gives none.
func (d *drawing) add(title string, strokes ...stroke) {
	if len(strokes) == 0 || d.err != nil {
		return
	}
	p := chart.Plot{Title: title + " over RL steps, " + d.rl.Stage, X: "RL step"}
	for _, at := range slices.Concat(d.rl.Phases, d.rl.Restarts) {
		p.Marks = append(p.Marks, float64(at))
	}
	if d.rl.ToStep > 0 {
		zero, to := 0.0, float64(d.rl.ToStep)
		p.MinX, p.MaxX = &zero, &to
	}
	out := panel{Title: title}
	share := isShare(title)
	for _, s := range strokes {
		p.Lines = append(p.Lines, s.lines...)
		if s.band != nil {
			p.Bands = append(p.Bands, *s.band)
		}
		if s.legend.Label != "" {
			out.Legend = append(out.Legend, s.legend)
		}
	}
	switch {
	case share:
		low, high := -0.02, 1.04
		p.MinY, p.MaxY = &low, &high
	case strings.HasPrefix(title, "Response length"):
		low := 0.0
		p.MinY = &low
	}
	out.Plot, d.err = p.SVG()
	d.panels = append(d.panels, out)
}

// note stands below the panel that was added last.
func (d *drawing) note(text string) {
	if len(d.panels) > 0 {
		d.panels[len(d.panels)-1].Note = text
	}
}

func isShare(title string) bool {
	for _, start := range []string{"Accuracy", "pass@1", "Format", "Language", "Share"} {
		if strings.HasPrefix(title, start) {
			return true
		}
	}
	return false
}

// single is a curve of training: its values, and their moving average.
func (d *drawing) single(name string) []stroke {
	return trainStroke(d.rl.Curve(name), chart.Series1, "", d.rl.Phases...)
}

func trainStroke(points []Point, color chart.Color, label string, breaks ...int) []stroke {
	if len(points) == 0 {
		return nil
	}
	window := max(3, len(points)/12)
	s := stroke{lines: []chart.Line{{Points: xys(points), Color: color, Faint: true}, {Points: xys(Smooth(points, window, breaks...)), Color: color}}}
	if label != "" {
		s.legend = legend{label, style(color), "line"}
	}
	return []stroke{s}
}

func xys(points []Point) []chart.XY {
	out := make([]chart.XY, len(points))
	for i, p := range points {
		out[i] = chart.XY{X: p.Step, Y: p.Value}
	}
	return out
}

// accuracy is the training accuracy with what was measured on held-out problems.
func (d *drawing) accuracy() []stroke {
	out := trainStroke(d.rl.Curve("accuracy"), chart.Series1, "training questions", d.rl.Phases...)
	if s, ok := d.evalStroke("pass@1", chart.Series2, "held-out pass@1", false); ok {
		s.band = d.evalBand("pass@1", chart.Series2)
		out = append(out, s)
	}
	if s, ok := d.evalStroke("cons@k", chart.Series3, "held-out cons@k", true); ok {
		out = append(out, s)
	}
	return out
}

func (d *drawing) trainAndHeldOut(name, train, heldOut string) []stroke {
	measured, ok := d.evalStroke(name, chart.Series2, heldOut, false)
	if !ok {
		return d.single(name)
	}
	return append(trainStroke(d.rl.Curve(name), chart.Series1, train, d.rl.Phases...), measured)
}

func (d *drawing) evalStroke(name string, color chart.Color, label string, dashed bool) (stroke, bool) {
	line := chart.Line{Color: color, Dots: true, Dashed: dashed, Width: 1.4}
	for _, e := range d.rl.Evals {
		if v, ok := e.Values[name]; ok {
			line.Points = append(line.Points, chart.XY{X: float64(e.Step), Y: v})
		}
	}
	kind := "line"
	if dashed {
		kind = "dashed"
	}
	return stroke{lines: []chart.Line{line}, legend: legend{label, style(color), kind}}, len(line.Points) > 0
}

func (d *drawing) evalBand(name string, color chart.Color) *chart.Band {
	b := chart.Band{Color: color}
	for _, e := range d.rl.Evals {
		low, okl := e.Values[name+"_low"]
		high, okh := e.Values[name+"_high"]
		if okl && okh {
			b.X, b.Low, b.High = append(b.X, float64(e.Step)), append(b.Low, low), append(b.High, high)
		}
	}
	if len(b.X) < 2 {
		return nil
	}
	return &b
}

// family draws the curves that share a prefix, one line each.
func (d *drawing) family(prefix string) []stroke {
	var out []stroke
	for _, c := range d.rl.Curves {
		if name, ok := strings.CutPrefix(c.Name, prefix); ok && name != "" {
			color := chart.Of(len(out))
			line := chart.Line{Points: xys(Smooth(c.Points, max(3, len(c.Points)/8), d.rl.Phases...)), Color: color}
			out = append(out, stroke{lines: []chart.Line{line}, legend: legend{name, style(color), "line"}})
		}
	}
	return out
}

func (d *drawing) evalFamily(prefix string) []stroke {
	var names []string
	for _, e := range d.rl.Evals {
		for _, key := range sortedKeys(e.Values) {
			// pass@1_low_DOMAIN and pass@1_high_DOMAIN are intervals.
			bound, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "_")
			if name, ok := strings.CutPrefix(key, prefix); ok && !slices.Contains(names, name) && bound != "low" && bound != "high" {
				names = append(names, name)
			}
		}
	}
	var out []stroke
	for _, name := range names {
		if s, ok := d.evalStroke(prefix+name, chart.Of(len(out)), name, false); ok {
			out = append(out, s)
		}
	}
	return out
}

// paperNote stands below every curve of the paper.
const paperNote = "Digitised by us from arXiv 2501.12948v1, %s; to compare the shape only."

// beside puts the paper's curve next to the panel before it.
func (d *drawing) beside(paper func()) {
	if len(d.panels) == 0 {
		return
	}
	own := len(d.panels) - 1
	paper()
	if len(d.panels) == own+2 {
		theirs := d.panels[own+1]
		d.panels[own].Paper = &theirs
		d.panels = d.panels[:own+1]
	}
}

func (d *drawing) paperAccuracy() {
	pass, cons, err := paper.Accuracy()
	if err != nil || d.err != nil {
		d.err = firstError(d.err, err)
		return
	}
	low, high := -0.02, 1.04
	d.paper("The paper's R1-Zero: AIME 2024", fmt.Sprintf(paperNote, "Fig. 2"), chart.Plot{MinY: &low, MaxY: &high, Lines: []chart.Line{
		{Points: paperXYs(pass), Color: chart.Series2, Dots: true, Width: 1.4},
		{Points: paperXYs(cons), Color: chart.Series3, Dots: true, Dashed: true, Width: 1.4},
	}}, legend{"pass@1", style(chart.Series2), "line"}, legend{"cons@16", style(chart.Series3), "dashed"})
}

func (d *drawing) paperLength() {
	points, err := paper.Length()
	if err != nil || d.err != nil {
		d.err = firstError(d.err, err)
		return
	}
	low := 0.0
	d.paper("The paper's R1-Zero: response length", fmt.Sprintf(paperNote, "Fig. 3"), chart.Plot{MinY: &low, Lines: []chart.Line{
		{Points: paperXYs(points), Color: chart.Series1},
	}}, legend{"mean tokens in training, smoothed", style(chart.Series1), "line"})
}

func (d *drawing) paper(title, note string, p chart.Plot, legends ...legend) {
	p.Title, p.X = title, "RL step of the paper's run"
	plot, err := p.SVG()
	d.err = firstError(d.err, err)
	d.panels = append(d.panels, panel{Title: title, Plot: plot, Legend: legends, Note: note, Theirs: true})
}

func paperXYs(points []paper.Point) []chart.XY {
	out := make([]chart.XY, len(points))
	for i, p := range points {
		out[i] = chart.XY{X: p.Step, Y: p.Value}
	}
	return out
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// trainingPanels draws what fell, or should have, in training on data.
func trainingPanels(r *Report) ([]panel, error) {
	var out []panel
	for _, t := range r.Training {
		title := t.Title
		if t.Job != r1.MainJob {
			title += ": " + t.Job
		}
		for _, name := range []string{"loss", "accuracy"} {
			points := curve(t.Curves, name)
			if name == "accuracy" && (t.Kind != r1.KindRewardModel || len(points) == 0) {
				continue
			}
			one := panel{Title: title + ", " + name}
			if len(points) == 0 {
				one.Missing = "no step yet"
				if s := r.stage(t.Stage); s != nil && s.State == r1.RunCompleted {
					one.Missing = "no metrics are kept of it"
				}
				out = append(out, one)
				continue
			}
			p := chart.Plot{Title: one.Title, X: "step", Width: 260, Height: 150}
			for _, s := range trainStroke(points, chart.Series1, "") {
				p.Lines = append(p.Lines, s.lines...)
			}
			var err error
			if one.Plot, err = p.SVG(); err != nil {
				return nil, err
			}
			out = append(out, one)
		}
	}
	return out, nil
}
