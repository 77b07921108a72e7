package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Term is a number, or the number of a stage.
type Term struct {
	Stage, Metric string // "": Value
	Value         float64
}

func (t Term) String() string {
	if t.Stage != "" {
		return t.Stage + "." + t.Metric
	}
	return strconv.FormatFloat(t.Value, 'g', -1, 64)
}

// Condition compares two terms: Left Operator Right + Offset.
type Condition struct {
	Text        string // as written
	Left, Right Term
	Operator    string // >=, >, <= or <
	Offset      float64
	// Beyond asks that the comparison holds by more than the noise of the numbers:
	// their own 95 % intervals, or the spread of Repeats.
	Beyond bool
	// Repeats are stages that measured one and the same thing several times.
	Repeats []string
}

// Form is what a condition looks like, for people.
const Form = "STAGE.METRIC >= NUMBER or STAGE.METRIC + NUMBER, and perhaps: beyond noise, or: beyond noise of STAGE, STAGE"

var (
	operators = []string{">=", "<=", ">", "<"} // the longer ones first
	noise     = regexp.MustCompile(`\s+beyond\s+noise(?:\s+of\s+(.+))?$`)
	offset    = regexp.MustCompile(`^(\S+)\s+([+-])\s+(\S+)$`)
)

// Parse reads a condition. Its errors name what was expected.
func Parse(text string) (Condition, error) {
	c := Condition{Text: strings.Join(strings.Fields(text), " ")}
	rest := c.Text
	if m := noise.FindStringSubmatch(rest); m != nil {
		c.Beyond = true
		rest = strings.TrimSuffix(rest, m[0])
		if m[1] != "" {
			for name := range strings.SplitSeq(m[1], ",") {
				c.Repeats = append(c.Repeats, strings.TrimSpace(name))
			}
			if len(c.Repeats) < 2 {
				return c, fmt.Errorf("expected two or more stages after %q: one measurement has no spread", "beyond noise of")
			}
		}
	}
	var left, right string
	for _, op := range operators {
		if l, r, ok := strings.Cut(rest, op); ok {
			c.Operator, left, right = op, strings.TrimSpace(l), strings.TrimSpace(r)
			break
		}
	}
	if c.Operator == "" {
		return c, fmt.Errorf("expected %s", Form)
	}
	if m := offset.FindStringSubmatch(right); m != nil {
		n, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			return c, fmt.Errorf("expected a number after %q, found %q", m[2], m[3])
		}
		right, c.Offset = m[1], n
		if m[2] == "-" {
			c.Offset = -n
		}
	}
	var err error
	if c.Left, err = term(left); err != nil {
		return c, err
	}
	if c.Right, err = term(right); err != nil {
		return c, err
	}
	if len(c.Stages()) == 0 {
		return c, fmt.Errorf("expected the number of a stage on one side, as STAGE.METRIC")
	}
	if len(c.Repeats) > 0 && c.Left.Stage == "" {
		return c, fmt.Errorf("expected STAGE.METRIC on the left: the noise is that of its metric")
	}
	return c, nil
}

func term(text string) (Term, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return Term{Value: n}, nil
	}
	stage, metric, ok := strings.Cut(text, ".")
	if !ok || stage == "" || metric == "" || strings.ContainsAny(text, " \t<>=") {
		return Term{}, fmt.Errorf("expected a number or STAGE.METRIC, found %q", text)
	}
	return Term{Stage: stage, Metric: metric}, nil
}

// Stages are those whose numbers it needs, each once.
func (c Condition) Stages() []string {
	var out []string
	for _, name := range append([]string{c.Left.Stage, c.Right.Stage}, c.Repeats...) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Terms are its numbers of stages.
func (c Condition) Terms() []Term {
	var out []Term
	for _, t := range []Term{c.Left, c.Right} {
		if t.Stage != "" {
			out = append(out, t)
		}
	}
	for _, stage := range c.Repeats {
		out = append(out, Term{Stage: stage, Metric: c.Left.Metric})
	}
	return out
}

// known are metrics that every job of a kind reports, by name.
func known(k r1.Kind) []string {
	switch k {
	case r1.KindCurate:
		return []string{"rows", "rows_in", Share}
	case r1.KindPublish:
		return []string{"files", "bytes"}
	case r1.KindEvaluate:
		return []string{"pass@1", "pass@k", "cons@k", "greedy", "format", "language", "preference", "tokens", "tokens_correct", "tokens_wrong",
			"thinking_tokens", "clipped", "reflective", "unverified", "audited", "audit_disagrees", "k", "problems"}
	}
	return nil
}

// Share is a metric of curate stages besides those of the commit: rows kept / rows in.
const Share = "share"

var passAt = regexp.MustCompile(`^pass@\d+$`)

// Metric says whether a stage of that kind can have such a number. Where it cannot, it
// lists those there are.
func Metric(k r1.Kind, name string) (ok bool, names []string) {
	names = known(k)
	if len(names) == 0 {
		return true, nil // what its trainer reports is the trainer's own
	}
	if slices.Contains(names, name) {
		return true, nil
	}
	if k != r1.KindEvaluate {
		return false, names
	}
	// NAME_DOMAIN, NAME_low, NAME_high and NAME_low_DOMAIN too.
	base, rest, split := strings.Cut(name, "_")
	if (slices.Contains(names, base) || passAt.MatchString(base)) && split == (rest != "") {
		return true, nil
	}
	return false, names
}
