package report

import (
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The pipeline's picture: time runs downwards, and data, models and
// measurements have a lane each.
const (
	boxWidth, boxHeight = 246, 40
	laneWidth           = 306
	rowStep             = 58
	pipelineWidth       = 2*laneWidth + boxWidth + 4
	pipelineTop         = 26
)

var lanes = [...]string{"Data", "Models", "Measured"}

func lane(k r1.Kind) int {
	switch k {
	case r1.KindSample, r1.KindCurate:
		return 0
	case r1.KindEvaluate, r1.KindPublish:
		return 2
	}
	return 1
}

// node is a stage with its place.
type node struct {
	stage *Stage
	from  []int // stages it needs, in the order of the plan
	depth int
	lane  int
	y     int
}

// pipeline draws the stages and what flows between them.
func pipeline(r *Report) template.HTML {
	nodes := layout(r)
	height := pipelineTop
	for _, n := range nodes {
		height = max(height, n.y+boxHeight)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="pipeline" viewBox="0 0 %d %d" role="img" aria-label="The stages of the run"><title>The stages of the run</title><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 .8L7 4L0 7.2Z"/></marker></defs>`, pipelineWidth, height+4)
	for i, name := range lanes {
		fmt.Fprintf(&b, `<text class="lane" x="%d" y="12">%s</text>`, 2+i*laneWidth, name)
	}
	for _, n := range nodes {
		for _, f := range n.from {
			if !measuresBy(n.stage, nodes[f].stage.Name) {
				edge(&b, nodes[f], n)
			}
		}
	}
	for _, n := range nodes {
		box(&b, n)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // names and titles are escaped in box
}

// layout puts a stage below all it needs. Data stands just above the first stage
// that uses it, for it belongs there.
func layout(r *Report) []*node {
	index := map[string]int{}
	nodes := make([]*node, len(r.Stages))
	for i := range r.Stages {
		index[r.Stages[i].Name] = i
		nodes[i] = &node{stage: &r.Stages[i], lane: lane(r.Stages[i].Kind)}
	}
	for _, n := range nodes {
		for _, name := range producers(n.stage) {
			if f, ok := index[name]; ok {
				n.from = append(n.from, f)
				n.depth = max(n.depth, nodes[f].depth+1)
			}
		}
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if nodes[i].lane != 0 {
			continue
		}
		first := -1
		for _, m := range nodes {
			if slices.Contains(m.from, i) && (first < 0 || m.depth < first) {
				first = m.depth
			}
		}
		nodes[i].depth = max(nodes[i].depth, first-1)
	}
	place(nodes)
	return nodes
}

// producers names the stages whose outputs a stage takes, and those it waits for.
func producers(s *Stage) []string {
	var out []string
	for _, j := range s.Jobs {
		for _, name := range sortedKeys(j.plan.Inputs) {
			if from := j.plan.Inputs[name].Stage; from != s.Name && !slices.Contains(out, from) {
				out = append(out, from)
			}
		}
	}
	for _, name := range s.Needs {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// place gives every stage its y: a depth is as high as its fullest lane.
func place(nodes []*node) {
	deepest := 0
	for _, n := range nodes {
		deepest = max(deepest, n.depth)
	}
	y := pipelineTop
	for d := 0; d <= deepest; d++ {
		var used [len(lanes)]int
		for _, n := range nodes {
			if n.depth == d {
				n.y = y + used[n.lane]*(boxHeight+6)
				used[n.lane]++
			}
		}
		if rows := slices.Max(used[:]); rows > 0 {
			y += (rows-1)*(boxHeight+6) + rowStep
		}
	}
}

func (n *node) x() int { return 2 + n.lane*laneWidth }

// measuresBy says that a stage takes nothing of another but what it measures
// with: held-out problems, reward models. They go to every measurement, and drawn
// they would hide all else.
func measuresBy(s *Stage, from string) bool {
	found := false
	for _, j := range s.Jobs {
		for name, ref := range j.plan.Inputs {
			if ref.Stage == from {
				if name == "model" || name != "problems" && s.Kind != r1.KindEvaluate {
					return false
				}
				found = true
			}
		}
	}
	return found
}

// edge draws what flows from one stage to another.
func edge(b *strings.Builder, from, to *node) {
	x1, y1 := from.x()+boxWidth/2, from.y+boxHeight
	x2, y2 := to.x()+boxWidth/2, to.y
	if from.lane != to.lane && from.y+boxHeight/2 < to.y {
		side := 1
		if to.lane < from.lane {
			side = -1
		}
		x1, y1 = from.x()+boxWidth/2+side*boxWidth/2, from.y+boxHeight/2
		x2 = to.x() + boxWidth/2 - side*boxWidth/3
		fmt.Fprintf(b, `<path class="edge" marker-end="url(#arrow)" d="M%d %dC%d %d %d %d %d %d"/>`, x1, y1, x2, y1, x2, y1, x2, y2)
		return
	}
	if from.lane == to.lane && y2-y1 > rowStep { // around what lies between
		out := from.x() + boxWidth + 8 + min(40, (y2-y1)/14)
		fmt.Fprintf(b, `<path class="edge" marker-end="url(#arrow)" d="M%d %dC%d %d %d %d %d %d"/>`,
			from.x()+boxWidth, from.y+boxHeight/2, out, from.y+boxHeight/2+20, out, to.y+boxHeight/2-20, to.x()+boxWidth, to.y+boxHeight/2)
		return
	}
	fmt.Fprintf(b, `<path class="edge" marker-end="url(#arrow)" d="M%d %dC%d %d %d %d %d %d"/>`, x1, y1, x1, y1+10, x2, y2-10, x2, y2)
}

func box(b *strings.Builder, n *node) {
	m := stateMark(n.stage.State)
	title, short := cut(n.stage.Label(), 36)
	if short {
		title += "…"
	}
	name, short := cut(n.stage.Name, 26)
	if short {
		name += "…"
	}
	fmt.Fprintf(b, `<a href="#stage-%s"><g class="box lane%d %s" transform="translate(%d %d)"><title>%s</title><rect class="body" width="%d" height="%d" rx="5"/><rect class="stripe" width="4" height="%d" rx="2"/>`,
		html.EscapeString(n.stage.Name), n.lane, m.Class, n.x(), n.y,
		html.EscapeString(fmt.Sprintf("%s, kind %s, %s", n.stage.Name, n.stage.Kind, m.Word)), boxWidth, boxHeight, boxHeight)
	fmt.Fprintf(b, `<text class="name" x="12" y="16">%s</text><text class="kind" x="%d" y="16">%s %s</text><text class="title" x="12" y="31">%s</text></g></a>`,
		html.EscapeString(name), boxWidth-8, html.EscapeString(string(n.stage.Kind)), m.Sign, html.EscapeString(title))
}
