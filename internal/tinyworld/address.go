package tinyworld

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Scheme starts every address of this package.
const Scheme = "tiny://"

// The splits. A problem is in one of them by its digest, so no choice of size
// or seed can make them overlap.
const (
	Train = "train"
	Test  = "test"
)

// address is a parsed address with every parameter set.
type address struct {
	name     string
	split    string
	size     int
	seed     int
	min, max int // steps of a problem

	largest    int    // of the numbers of a game
	behaviours string // of a trace
	answers    string // of traces
}

// parse reads an address strictly: whatever it does not know is an error that
// names the nearest thing it does know.
func parse(text string) (address, dataset, error) {
	rest, ok := strings.CutPrefix(text, Scheme)
	if !ok {
		return address{}, dataset{}, addressError(text, "it does not start with "+Scheme, "")
	}
	name, query, _ := strings.Cut(rest, "?")
	set, ok := datasets()[name]
	if !ok {
		detail := fmt.Sprintf("there is no dataset %q; there are %s", name, strings.Join(Names(), ", "))
		return address{}, dataset{}, addressError(text, detail, suggest.Nearest(name, Names()))
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return address{}, dataset{}, addressError(text, "its parameters cannot be read: "+err.Error(), "")
	}
	a := address{name: name, split: Train, size: 256, seed: 1, min: set.steps.least, max: set.steps.most}
	a.largest, a.behaviours, a.answers = defaultLargest, allBehaviours, rightAnswers
	for key, given := range values {
		if !slices.Contains(set.params, key) {
			detail := fmt.Sprintf("%s has no parameter %q; it has %s", name, key, strings.Join(set.params, ", "))
			return address{}, dataset{}, addressError(text, detail, suggest.Nearest(key, set.params))
		}
		if len(given) != 1 {
			return address{}, dataset{}, addressError(text, key+" is given more than once", "")
		}
		if detail := a.set(key, given[0]); detail != "" {
			return address{}, dataset{}, addressError(text, detail, "")
		}
	}
	if a.min > a.max {
		return address{}, dataset{}, addressError(text, fmt.Sprintf("min %d is above max %d", a.min, a.max), "")
	}
	if limit := set.limit(a); a.size > limit {
		detail := fmt.Sprintf("size %d is more than the %d distinct rows it can give", a.size, limit)
		return address{}, dataset{}, addressError(text, detail, "")
	}
	return a, set, nil
}

// set assigns one parameter and returns what is wrong with it, or "".
func (a *address) set(key, value string) string {
	either := func(target *string, one, other string) string {
		if value != one && value != other {
			return fmt.Sprintf("%s must be %s or %s, not %q", key, one, other, value)
		}
		*target = value
		return ""
	}
	switch key {
	case "split":
		return either(&a.split, Train, Test)
	case "answers":
		return either(&a.answers, rightAnswers, wrongAnswers)
	case "behaviours":
		var detail string
		a.behaviours, detail = parseBehaviours(value)
		return detail
	}
	bounds := map[string]struct {
		target      *int
		least, most int
	}{
		"size": {&a.size, 1, 1 << 30},
		"seed": {&a.seed, 0, 1 << 62},
		"min":  {&a.min, fewestSteps, mostSteps},
		"max":  {&a.max, fewestSteps, mostSteps},

		"largest": {&a.largest, leastLargest, mostLargest},
	}[key]
	n, err := strconv.Atoi(value)
	if err != nil || n < bounds.least || n > bounds.most {
		return fmt.Sprintf("%s must be a whole number from %d to %d, not %q", key, bounds.least, bounds.most, value)
	}
	*bounds.target = n
	return ""
}

// canonical writes the address with every parameter of its dataset, in order.
func (a address) canonical(params []string) string {
	values := map[string]string{
		"split": a.split, "size": strconv.Itoa(a.size), "seed": strconv.Itoa(a.seed),
		"min": strconv.Itoa(a.min), "max": strconv.Itoa(a.max),
		"largest": strconv.Itoa(a.largest), "behaviours": a.behaviours, "answers": a.answers,
	}
	pairs := make([]string, 0, len(params))
	for _, key := range params {
		pairs = append(pairs, key+"="+values[key])
	}
	slices.Sort(pairs)
	return Scheme + a.name + "?" + strings.Join(pairs, "&")
}

func addressError(text, detail, nearest string) error {
	remedy := "Correct the address; tiny://arithmetic?split=train&size=512&seed=1 is an example."
	if nearest != "" {
		remedy = fmt.Sprintf("Did you mean %q?", nearest)
	}
	return &r1.Error{Name: "tiny-address-invalid", Detail: fmt.Sprintf("address %q: %s", text, detail), Remedy: remedy}
}
