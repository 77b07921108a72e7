package reward

import (
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Definition is what there is to know of a reward.
type Definition struct {
	Name    string
	Version int    // raised when results change
	Doc     string // one line
	Formula string // exact, in words or signs
	Range   string
	Source  string // the paper's section, or upstream's rule
	Params  []Param
	// Upstream lists where open-r1 does something else by default.
	Upstream []Difference
	// Outside is computed elsewhere: by the trainer's reward models, or by a
	// user's function or endpoint.
	Outside bool

	check   func(Params) []Problem
	text    func(Params, Item) Value
	answer  func(Params, Item, r1.Verdict) Value
	program func(Params, Item, Program) Value
	group   func(Params, []Measure) []Value
	// Options for the judge.
	convention func(Params) Convention
	options    func(Params, Item) ProgramOptions
}

// Difference is one place where a default differs from upstream.
type Difference struct{ Upstream, Ours, Why string }

// Grouped says that the reward compares the responses of a group.
func (d *Definition) Grouped() bool { return d.group != nil }

// Definitions lists every reward, in the order of the documentation.
func Definitions() []*Definition {
	return []*Definition{
		accuracy(), format(), tagCount(), reasoningSteps(), cosine(), length(), repetitionPenalty(), softOverlong(),
		code(), binaryCode(), ioiCode(), cfCode(), codeFormat(),
		language(), preference(), python(), endpoint(),
	}
}

// Names lists the names of all rewards.
func Names() []string {
	var names []string
	for _, d := range Definitions() {
		names = append(names, d.Name)
	}
	return names
}

// Lookup finds a reward by its name.
func Lookup(name string) (*Definition, error) {
	for _, d := range Definitions() {
		if d.Name == name {
			return d, nil
		}
	}
	return nil, &r1.Error{
		Name:   "unknown-reward",
		Detail: fmt.Sprintf("there is no reward %q%s", name, hint(name, Names())),
		Remedy: "docs/rewards.md lists every reward; one of your own is a Python function or an HTTP endpoint",
	}
}

// Reward is a reward with parameters that have been checked.
type Reward struct {
	*Definition
	Params Params
}

// New finds a reward and checks the parameters given for it.
func New(name string, values map[string]any) (*Reward, error) {
	d, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	params, problems := d.Decode(values)
	if len(problems) > 0 {
		return nil, invalid(name, problems[0])
	}
	return &Reward{d, params}, nil
}

func invalid(name string, p Problem) error {
	return &r1.Error{
		Name:   "reward-parameter-invalid",
		Detail: fmt.Sprintf("reward %s: %v", name, p),
		Remedy: "docs/rewards.md lists the parameters of every reward, with their bounds",
	}
}
