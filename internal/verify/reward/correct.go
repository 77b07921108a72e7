package reward

import (
	"fmt"
	"math"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func accuracy() *Definition {
	return &Definition{
		Name: "accuracy", Version: 1,
		Doc:     "the answer is right: 1 or 0",
		Formula: "verdict: correct 1, wrong 0, unverified unknown",
		Range:   "0 or 1", Source: "paper 2.2; open-r1 `accuracy`",
		Params: []Param{compat()},
		Upstream: []Difference{
			{"an answer is read only from LaTeX: `The answer is 6` and a bare number in `<answer>` get 0", "the judge's rules of extraction", "a right answer in plain text is right"},
		},
		convention: func(p Params) Convention { return Convention{OpenR1: p.openR1()} },
		answer: func(_ Params, _ Item, v r1.Verdict) Value {
			switch v.Label {
			case r1.Correct:
				return known(1)
			case r1.Wrong:
				return known(0)
			}
			return unknown(v.Reason)
		},
	}
}

func answerFirst(p Params) Convention {
	return Convention{OpenR1: p.openR1(), AnswerFirst: p.openR1()}
}

func cosine() *Definition {
	bound := func(name string, value float64, doc string) Param {
		return Param{Name: name, Aliases: []string{"cosine_" + name}, Type: Number, Default: value, Doc: doc}
	}
	shortWrong := bound("min_value_wrong", -1, "of a wrong answer of no length")
	shortWrong.OpenR1 = 0.0
	return &Definition{
		Name: "cosine", Version: 1,
		Doc:     "right answers are worth more the shorter they are, wrong ones less",
		Formula: "p = min(1, characters/max_len), c = cos(π·p). Correct: min_value_correct + ½(max_value_correct − min_value_correct)(1 + c). Wrong: max_value_wrong + ½(min_value_wrong − max_value_wrong)(1 + c). Unverified: unknown",
		Range:   "min_value_wrong to max_value_correct", Source: "open-r1 `cosine` (Demystifying Long CoT)",
		Params: []Param{
			shortWrong,
			bound("max_value_wrong", -0.5, "of a wrong answer of max_len"),
			bound("min_value_correct", 0.5, "of a correct answer of max_len"),
			bound("max_value_correct", 1, "of a correct answer of no length"),
			{Name: "max_len", Aliases: []string{"cosine_max_len"}, Type: Whole, Default: int64(1000), Least: least(1), Doc: "characters at which the bound is reached"},
			compat(),
		},
		Upstream: []Difference{
			{"not clamped: at twice max_len a correct answer is worth the maximum again", "beyond max_len the reward stays at the bound", "it pays for rambling"},
			{"the configuration's default for min_value_wrong is 0.0: wrong answers are worth less the longer they are", "−1.0, the function's own default", "its documentation says the opposite; both defaults cannot be meant"},
			{"a gold answer that cannot be read gives 1.0", "unknown", "a free reward for every response"},
			{"an inverted slope is taken", "refused", "it rewards what the reward is against"},
			{"the answer is given where Math-Verify expects the gold", "gold first", "the comparison is not symmetric"},
		},
		check: func(p Params) []Problem {
			if p.openR1() {
				return nil
			}
			var problems []Problem
			ordered := func(low, high, why string) {
				if p.number(low) > p.number(high) {
					problems = append(problems, Problem{Param: low, Text: fmt.Sprintf("%g is above %s %g: %s", p.number(low), high, p.number(high), why)})
				}
			}
			ordered("min_value_correct", "max_value_correct", "a right answer would be worth more the longer it is")
			ordered("min_value_wrong", "max_value_wrong", "a wrong answer would be worth more the shorter it is")
			ordered("max_value_wrong", "min_value_correct", "a wrong answer could be worth more than a right one")
			return problems
		},
		convention: answerFirst,
		answer: func(p Params, it Item, v r1.Verdict) Value {
			if p.openR1() && goldUnread(v) {
				return known(1)
			}
			var low, high float64
			switch v.Label {
			case r1.Correct:
				low, high = p.number("min_value_correct"), p.number("max_value_correct")
			case r1.Wrong:
				low, high = p.number("max_value_wrong"), p.number("min_value_wrong")
			default:
				return unknown(v.Reason)
			}
			progress := float64(characters(read(p, it))) / float64(p.whole("max_len"))
			if !p.openR1() {
				progress = min(1, progress)
			}
			return known(low + 0.5*(high-low)*(1+math.Cos(progress*math.Pi)))
		},
	}
}

func length() *Definition {
	return &Definition{
		Name: "length", Version: 1,
		Doc:     "within a group, shorter right answers are worth more (Kimi k1.5)",
		Formula: "λ = ½ − (characters − min)/(max − min), min and max over the group. Correct: λ. Wrong: min(0, λ). All of one length: 0. Unverified: unknown, but its length counts for the group",
		Range:   "−½ to ½", Source: "Kimi k1.5 2.3.3; open-r1 `length`",
		Params: []Param{compat()},
		Upstream: []Difference{
			{"min and max are taken over a whole call, across prompts", "over the responses of one prompt (or of the row's `group`)", "a response to a hard question is compared with those to easy ones"},
			{"a gold answer that cannot be read counts as answered correctly", "unknown", "a reward without a verdict"},
			{"the answer is given where Math-Verify expects the gold", "gold first", "the comparison is not symmetric"},
		},
		convention: answerFirst,
		group: func(_ Params, group []Measure) []Value {
			out := make([]Value, len(group))
			shortest, longest := math.MaxInt, 0
			for _, m := range group {
				shortest, longest = min(shortest, m.Length), max(longest, m.Length)
			}
			for i, m := range group {
				lambda := 0.0
				if longest > shortest {
					lambda = 0.5 - float64(m.Length-shortest)/float64(longest-shortest)
				}
				switch m.Verdict {
				case r1.Correct:
					out[i] = known(lambda)
				case r1.Wrong:
					out[i] = known(min(0, lambda))
				default:
					out[i] = unknown(m.Reason)
				}
			}
			return out
		},
	}
}
