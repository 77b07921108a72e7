package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Rules say how long things are kept once they are committed. Each is "keep",
// "none", or a time such as "30d" since the commit; Checkpoints is "keep" or how
// many of a committed job stay. An empty rule is that of the site.
type Rules struct {
	Checkpoints string
	Models      string
	Datasets    string
	Samples     string // datasets of kind sample
	Reports     string
	State       string // optimizer states between phases of RL
}

// Policy is the retention of a site, and what one call asks for besides.
type Policy struct {
	Site   Rules
	Stages map[string]Rules // by the stage's name
	// OlderThan gives up everything of runs that ended so long ago; 0 does not.
	OlderThan time.Duration
	// KeepLast gives up everything of runs that ended, but of so many of each recipe; 0 does not.
	KeepLast int
}

// limit is a rule that was read.
type limit struct {
	keep bool
	age  time.Duration // since the commit
	text string
}

// Check finds rules that cannot be read, before anything is done by them.
func (p *Policy) Check() error {
	if err := p.Site.check("retention"); err != nil {
		return err
	}
	for stage, r := range p.Stages {
		if err := r.check("retention.stages." + stage); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rules) check(where string) error {
	bad := func(name, value, want string) error {
		return &r1.Error{Name: "config-invalid", Detail: fmt.Sprintf("%s.%s is %q, expected %s", where, name, value, want),
			Remedy: "correct it; docs/artifacts.md has the rules"}
	}
	if _, err := parseCount(r.Checkpoints); err != nil {
		return bad("checkpoints", r.Checkpoints, "keep, or how many checkpoints of a committed job stay")
	}
	for name, value := range map[string]string{"models": r.Models, "datasets": r.Datasets, "samples": r.Samples, "reports": r.Reports, "state": r.State} {
		if _, err := parseLimit(value); err != nil {
			return bad(name, value, "keep, none or a time such as 30d")
		}
	}
	return nil
}

const everything = "keep"

// parseCount reads a rule for checkpoints; -1 keeps all.
func parseCount(text string) (int, error) {
	switch text {
	case "", everything:
		return -1, nil
	case "none":
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no count", text)
	}
	return n, nil
}

func parseLimit(text string) (limit, error) {
	switch text {
	case "", everything:
		return limit{keep: true}, nil
	case "none":
		return limit{text: text}, nil
	}
	age, err := ParseAge(text)
	return limit{age: age, text: text}, err
}

// ParseAge reads a time such as 36h, 30d or 2w.
func ParseAge(text string) (time.Duration, error) {
	for unit, hours := range map[string]int{"d": 24, "w": 7 * 24} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.Atoi(number)
			if err != nil || n < 0 || n > 100_000 {
				return 0, fmt.Errorf("%q is no time such as 36h, 30d or 2w", text)
			}
			return time.Duration(n*hours) * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no time such as 36h, 30d or 2w", text)
	}
	return d, nil
}

// of is the rule for an artifact of a stage. The rules were checked.
func (p *Policy) of(stage string, kind r1.Kind, typ r1.ArtifactType) (name string, l limit) {
	pick := func(r Rules) string {
		switch typ {
		case r1.TypeModel:
			name = "models"
			return r.Models
		case r1.TypeReport:
			name = "reports"
			return r.Reports
		case r1.TypeState:
			name = "state"
			return r.State
		case r1.TypePublication: // a few small files, which say where what is
			return everything
		}
		if kind == r1.KindSample {
			name = "samples"
			return r.Samples
		}
		name = "datasets"
		return r.Datasets
	}
	text := pick(p.Stages[stage])
	if text == "" {
		text = pick(p.Site)
	}
	l, err := parseLimit(text)
	if err != nil {
		l = limit{keep: true}
	}
	return name, l
}

// checkpoints is how many checkpoints of a committed job of a stage stay; -1 is all.
func (p *Policy) checkpoints(stage string) int {
	text := p.Stages[stage].Checkpoints
	if text == "" {
		text = p.Site.Checkpoints
	}
	n, err := parseCount(text)
	if err != nil {
		return -1
	}
	return n
}
