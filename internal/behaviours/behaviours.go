package behaviours

// The behaviours, by the names that rows, recipes and reports use.
const (
	Verification     = "verification"      // checking a result, intermediate or final
	Backtracking     = "backtracking"      // abandoning what was tried
	Subgoals         = "subgoals"          // setting a step of its own on the way
	BackwardChaining = "backward-chaining" // reasoning from what is wanted to what is given
)

// Names lists the behaviours.
func Names() []string { return []string{Verification, Backtracking, Subgoals, BackwardChaining} }

// indexes of the behaviours in a Shown.
const (
	verification = iota
	backtracking
	subgoals
	backwardChaining
	behaviours // how many there are
)

// Words lists the reflective words of the paper, in its order.
func Words() []string {
	return []string{"wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check"}
}

const reflectiveWords = 10

// Counts is how often a trace shows each behaviour and says each word.
type Counts struct {
	Shown [behaviours]int      // in the order of Names
	Said  [reflectiveWords]int // in the order of Words
}

// Of is the count of a behaviour by its name; ok is false for a name that is none.
func (c Counts) Of(name string) (n int, ok bool) {
	for i, known := range Names() {
		if name == known {
			return c.Shown[i], true
		}
	}
	return 0, false
}

// Reflective is how many reflective words the trace says, as the value of that name
// in reports counts them.
func (c Counts) Reflective() int {
	n := 0
	for _, said := range c.Said {
		n += said
	}
	return n
}

// ByName is the behaviours' counts by name.
func (c Counts) ByName() map[string]int {
	m := make(map[string]int, behaviours)
	for i, name := range Names() {
		m[name] = c.Shown[i]
	}
	return m
}
