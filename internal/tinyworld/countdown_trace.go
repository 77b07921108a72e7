package tinyworld

import (
	"fmt"
	"slices"
	"strings"
)

// The behaviours that a trace can be asked to show, by the names that
// internal/behaviours counts them under.
const (
	verification     = "verification"
	backtracking     = "backtracking"
	subgoals         = "subgoals"
	backwardChaining = "backward-chaining"
)

// Values of the parameter behaviours that stand alone: all four; none of them, just
// the two sums that reach the target; not even a thought.
const (
	allBehaviours = "all"
	noBehaviours  = "none"
	emptyThought  = "empty"
)

// Values of the parameter answers. A trace with a wrong answer behaves as any other,
// and every sum in it is right, but its search ends before it has found a way: it
// answers with the last thing it tried.
const (
	rightAnswers = "right"
	wrongAnswers = "wrong"
)

// mostMisses is how many attempts or branches of a search fail, at most, before the
// one that does not: the solver knows where to look, so that traces stay short.
const mostMisses = 3

// shown is the set of behaviours of a trace.
type shown map[string]bool

// parseBehaviours reads the parameter, and gives it back in a canonical form; or
// says what is wrong with it.
func parseBehaviours(value string) (canonical, detail string) {
	four := []string{backtracking, backwardChaining, subgoals, verification} // sorted
	switch value {
	case allBehaviours, noBehaviours, emptyThought:
		return value, ""
	}
	given := strings.Split(value, ",")
	slices.Sort(given)
	for i, name := range given {
		if !slices.Contains(four, name) || i > 0 && given[i-1] == name {
			return "", fmt.Sprintf("behaviours must be %s, %s, %s or a list of %s, not %q",
				allBehaviours, noBehaviours, emptyThought, strings.Join(four, ", "), value)
		}
	}
	if slices.Equal(given, four) {
		return allBehaviours, ""
	}
	return strings.Join(given, ","), ""
}

func shownBy(parameter string) shown {
	set := shown{}
	switch parameter {
	case noBehaviours, emptyThought:
	case allBehaviours:
		parameter = strings.Join([]string{verification, backtracking, subgoals, backwardChaining}, ",")
		fallthrough
	default:
		for _, name := range strings.Split(parameter, ",") {
			set[name] = true
		}
	}
	return set
}

// traceRow is an sft row that says how often it shows each behaviour.
type traceRow struct {
	sftRow
	Verifier string         `json:"verifier"`
	Info     gameInfo       `json:"verification_info"`
	Shows    map[string]int `json:"behaviours"`
	Split    string         `json:"split"`
}

// drawCountdownTrace draws a game with a solver's thought about it.
func drawCountdownTrace(a address, r *random) keyed {
	g := newGame(r, a.largest)
	s := solver{game: g, shown: shownBy(a.behaviours), wrong: a.answers == wrongAnswers, counts: map[string]int{}}
	answer, ok := s.solve(r)
	if !ok {
		return keyed{split: "none"} // nothing misses this target: no wrong answer to give
	}
	thought := strings.TrimSuffix(s.text.String(), " ")
	if a.behaviours == emptyThought {
		thought, s.counts = "", map[string]int{}
	}
	row := traceRow{
		sftRow:   sftRow{ID: g.id(), Domain: Countdown, Prompt: g.prompt(), Response: "<think>" + thought + "</think><answer>" + answer + "</answer>"},
		Verifier: "countdown", Info: gameInfo{g.numbers[:], g.target}, Shows: s.counts, Split: g.split(),
	}
	return keyed{row, g.prompt(), g.split()}
}

// solver writes a thought and counts what it shows.
type solver struct {
	game
	shown
	wrong  bool
	text   strings.Builder
	counts map[string]int
}

func (s *solver) say(format string, args ...any) { fmt.Fprintf(&s.text, format, args...) }

// show says something that is a behaviour, if the trace is to show it.
func (s *solver) show(behaviour, format string, args ...any) {
	if s.shown[behaviour] {
		s.counts[behaviour]++
		s.say(format, args...)
	}
}

// solve writes the thought and returns its answer. Its last way reaches the target,
// or, in a trace with a wrong answer, is one more that does not.
func (s *solver) solve(r *random) (answer string, ok bool) {
	right, failed := s.ways(r)
	if s.wrong && len(failed) == 0 {
		return "", false
	}
	misses := 0
	if s.shown[backtracking] {
		misses = min(len(failed), r.between(0, mostMisses))
	}
	end := right
	if s.wrong {
		misses = min(misses, len(failed)-1)
		end = failed[misses]
	}
	for _, way := range failed[:misses] {
		way.say(s)
		s.show(backtracking, "Go back. ")
	}
	end.say(s)
	return end.answer, true
}

// way is something to try, and the answer it comes to.
type way struct {
	say    func(s *solver)
	answer string
}

// ways are one that reaches the target, and those that do not, in a random order.
func (s *solver) ways(r *random) (right way, failed []way) {
	var good []way
	sort := func(w way, reaches bool) {
		if reaches {
			good = append(good, w)
		} else {
			failed = append(failed, w)
		}
	}
	if s.shown[backwardChaining] {
		for _, b := range s.branches() {
			for _, t := range sums(b.a, b.b) {
				sort(way{func(s *solver) { s.backward(b, t) }, b.answer(t)}, t.value == b.needed)
			}
		}
	} else {
		for _, t := range attempts(s.numbers) {
			sort(way{func(s *solver) { s.forward(t) }, t.answer()}, t.value == s.target)
		}
	}
	return pick(r, good), shuffled(r, failed)
}

// forward works an attempt out and looks at what comes of it: 9+2=11, 11+4=15. I want
// 13, this is not it.
func (s *solver) forward(t attempt) {
	s.show(subgoals, "First make %d: ", t.first.value)
	s.say("%s, %s. ", t.first, t.second)
	s.check("want", t.value, s.target)
}

// backward starts from the target: 13-4=9, so I need 9. 9+2=11. I need 9, this is not it.
func (s *solver) backward(b branch, t sum) {
	s.show(backwardChaining, "%s, so I need %d. ", b.reason, b.needed)
	s.show(subgoals, "First make %d: ", b.needed)
	s.say("%s. ", t)
	s.check("need", t.value, b.needed)
}

// check compares what was made with what was wanted. The wanted number comes first: a
// model this small can judge what stands before it, not what it is about to say.
func (s *solver) check(verb string, got, want int) {
	is := "works"
	if got != want {
		is = "is not it"
	}
	s.show(verification, "I %s %d, this %s. ", verb, want, is)
}

// branch is what the other two numbers have to make, if a last step with the number
// kept back is to reach the target.
type branch struct {
	a, b   int // the other two
	needed int
	reason string // the sum that says so
	last   string // the last step, with %s for what the other two make
}

// branches lists the last steps that can reach the target, undone, each once.
func (s *solver) branches() []branch {
	var all []branch
	for kept, k := range s.numbers {
		a, b := s.numbers[(kept+1)%3], s.numbers[(kept+2)%3]
		add := func(undo sum, last string) {
			one := branch{max(a, b), min(a, b), undo.value, undo.String(), fmt.Sprintf(last, k)}
			if undo.value >= 1 && undo.value <= mostValue && !slices.Contains(all, one) { // numbers may be equal
				all = append(all, one)
			}
		}
		add(sum{s.target, '-', k, s.target - k}, "%%s+%d")
		add(sum{s.target, '+', k, s.target + k}, "%%s-%d")
		add(sum{k, '-', s.target, k - s.target}, "%d-%%s")
		if s.target%k == 0 {
			add(sum{s.target, '/', k, s.target / k}, "%%s*%d")
		}
	}
	return all
}

// answer is the branch with the sum that is tried in it.
func (b branch) answer(t sum) string {
	return fmt.Sprintf(b.last, fmt.Sprintf("(%d%c%d)", t.a, t.op, t.b))
}
