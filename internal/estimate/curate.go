package estimate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// curate follows rows through the steps. Rows of an unknown source stay unknown until a cap bounds them.
func (e *estimator) curate(j *r1.PlannedJob, p params, out *Job) artifact {
	made, unknown := e.entering(j, p)
	out.RowsIn = made.rows
	var used []string
	for _, step := range p.Steps {
		name, _ := step["do"].(string)
		switch name {
		case "cap":
			made.rows = capped(made.rows, step)
			made.asked = atMost(made.asked, made.rows)
		case "mix":
			made.rows = mixed(made.rows, step)
			made.asked = atMost(made.asked, made.rows)
		case "select":
			per, _ := step["per_prompt"].(float64)
			made.rows = atMost(made.rows, made.asked.Scale(max(1, per)))
		default:
			share, _ := keeps(name)
			made.rows, made.asked = made.rows.Times(share), atMost(made.asked, made.rows.Times(share))
		}
		used = append(used, name)
	}
	out.RowsOut = made.rows
	out.Formula = "rows × " + strings.Join(used, " × ")
	switch {
	case !made.rows.Known:
		out.Unknown = "rows of " + strings.Join(unknown, ", ") + " are not known (give them with --rows " + j.Stage + "." + unknown[0] + "=N)"
	case len(unknown) > 0:
		out.Formula += "; rows of " + strings.Join(unknown, ", ") + " are not known, so the cap counts as reached"
	}
	rows := made.rows
	if !rows.Known {
		rows = Exactly(0)
	}
	const rate = 20_000 // rows a second, one core: ours
	out.Seconds = rows.Scale(1. / rate).Plus(Between(0.5, 1, 3))
	out.Hours, out.Compute = Exactly(0), Exactly(0)
	return made
}

// entering are the rows that a curate stage begins with, and the sources whose size is not known.
func (e *estimator) entering(j *r1.PlannedJob, p params) (artifact, []string) {
	var against, unknown []string
	for _, step := range p.Steps {
		if name, ok := step["against"].(string); ok {
			against = append(against, name)
		}
	}
	in := artifact{rows: Exactly(0), asked: Exactly(0)}
	for _, s := range p.Sources {
		rows := Range{}
		if n, ok := e.opts.Given[j.Stage+"."+s.Name]; ok {
			rows = Exactly(n)
		} else if e.opts.Rows != nil {
			if n := e.opts.Rows(s.Address); n > 0 {
				rows = Exactly(float64(n))
			}
		}
		if !rows.Known {
			unknown = append(unknown, s.Name)
		}
		in.rows, in.asked = in.rows.Plus(rows), in.asked.Plus(rows)
	}
	for name, ref := range j.Inputs {
		if slices.Contains(against, name) {
			continue
		}
		from := e.outputs[ref]
		if !from.rows.Known {
			unknown = append(unknown, name)
		}
		in.rows, in.asked = in.rows.Plus(from.rows), in.asked.Plus(from.asked)
		if from.tokens.Likely > in.tokens.Likely {
			in.tokens = from.tokens
		}
	}
	slices.Sort(unknown)
	return in, unknown
}

// capped bounds rows by a cap: of all domains, or of each that it names. One by domain bounds the
// rows only where the other domains are not counted, so it is taken for the sum of what it names.
func capped(rows Range, step map[string]any) Range {
	if n, ok := step["rows"].(float64); ok {
		rows = rows.AtMost(n)
	}
	domains, _ := step["by_domain"].(map[string]any)
	sum := 0.0
	for _, n := range domains {
		v, _ := n.(float64)
		sum += v
	}
	if sum > 0 && !rows.Known {
		// Rows that are known already (such as those of another input) come on top.
		return Between(rows.Low, rows.Likely+sum, rows.High+sum)
	}
	if sum > 0 && len(domains) > 1 {
		return rows.AtMost(sum)
	}
	return rows
}

// mixed bounds rows by the targets of a mix, or by its rows; other mixes keep an unknown share.
func mixed(rows Range, step map[string]any) Range {
	targets, _ := step["targets"].(map[string]any)
	sum := 0.0
	for _, n := range targets {
		v, _ := n.(float64)
		sum += v
	}
	if n, ok := step["rows"].(float64); ok {
		sum = n
	}
	if sum > 0 {
		return rows.AtMost(sum)
	}
	share, _ := keeps("mix")
	return rows.Times(share)
}

func atMost(r, bound Range) Range {
	if !bound.Known {
		return r
	}
	if !r.Known {
		return bound
	}
	return Between(min(r.Low, bound.Low), min(r.Likely, bound.Likely), min(r.High, bound.High))
}

// Rows names a range of rows for people.
func (r Range) Rows() string {
	switch {
	case !r.Known:
		return "unknown"
	case r.Low == r.High:
		return r1.Number(r.Likely)
	}
	return fmt.Sprintf("%s (%s to %s)", r1.Number(r.Likely), r1.Number(r.Low), r1.Number(r.High))
}
