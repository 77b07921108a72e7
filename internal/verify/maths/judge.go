package maths

import (
	"errors"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

// Version names the rules: the same version gives the same decisions.
const Version = "math/1"

// The reasons of a decision. They are stable.
const (
	ReasonNoAnswer   = "no-answer"         // wrong: nothing to judge was found
	ReasonTooLong    = "answer-too-long"   // wrong: over expr.MaxBytes, which no short gold answer equals
	ReasonGold       = "gold-unparsable"   // undecided
	ReasonUnparsable = "answer-unparsable" // undecided: somebody else may read it
	ReasonAmbiguous  = "ambiguous"         // undecided: more than one reading
	ReasonUnproven   = "unproven"          // undecided: read, but neither equal nor unequal for sure
	ReasonRounded    = "rounded"           // undecided: one may be a rounding of the other
	ReasonPercent    = "percent"           // undecided: equal but for the percent sign
	ReasonUnit       = "unit"              // undecided: the units do not tell
	ReasonOrder      = "order"             // undecided: equal but for the order
	ReasonKind       = "kind"              // undecided: the same elements, as a set and as a tuple
	ReasonVariables  = "variables"         // undecided: other names of variables
	ReasonText       = "text"              // undecided: different words
	ReasonFault      = "judge-fault"       // undecided: the judge itself failed
)

const maxReported = 200 // bytes of an answer that a decision keeps

// Decision is what tiers 0 and 1 say.
type Decision struct {
	// Decided false: neither tier can prove anything; ask a second opinion.
	Decided bool
	// Label is r1.Correct or r1.Wrong where it is decided.
	Label r1.Label
	// Reason is why it is wrong or not decided, one of the constants above, or
	// "" for answers that are proven equal or unequal.
	Reason string
	// Answer is the extracted answer, at most 200 bytes of it.
	Answer string
	// Tier that decided, or gave up: 0 or 1.
	Tier int
}

func decided(label r1.Label, reason string, tier int) Decision {
	return Decision{Decided: true, Label: label, Reason: reason, Tier: tier}
}

func undecided(reason string, tier int) Decision { return Decision{Reason: reason, Tier: tier} }

// Judge takes the final answer out of a reply (what follows the thinking) and
// compares it with the gold answer. It never panics.
func Judge(gold, reply string) Decision {
	answer, ok := Extract(reply)
	if !ok {
		if strings.TrimSpace(gold) == "" {
			return undecided(ReasonGold, 0)
		}
		return decided(r1.Wrong, ReasonNoAnswer, 0)
	}
	return Compare(gold, answer)
}

// Compare tells whether an answer is equal to the gold answer. The gold answer
// comes first: one that cannot be read never makes an answer wrong or correct.
func Compare(gold, answer string) (d Decision) {
	defer func() {
		if recover() != nil {
			d = undecided(ReasonFault, 1)
		}
		d.Answer = clip(answer)
	}()
	return compare(gold, answer)
}

func compare(gold, answer string) Decision {
	if len(gold) > 4*expr.MaxBytes {
		return undecided(ReasonGold, 0)
	}
	g := undress(gold)
	if g == "" || len(g) > expr.MaxBytes {
		return undecided(ReasonGold, 0)
	}
	a := undress(answer)
	if a == "" {
		return decided(r1.Wrong, ReasonNoAnswer, 0)
	}
	if len(a) > expr.MaxBytes {
		return decided(r1.Wrong, ReasonTooLong, 0)
	}
	switch quickly(g, a) {
	case expr.Equal:
		return decided(r1.Correct, "", 0)
	case expr.Unequal:
		return decided(r1.Wrong, "", 0)
	}
	return compareTrees(g, a)
}

func compareTrees(g, a string) Decision {
	gold, err := expr.Parse(g)
	if errors.Is(err, expr.ErrAmbiguous) {
		if g == a { // whatever it means
			return decided(r1.Correct, "", 0)
		}
		return undecided(ReasonAmbiguous, 1)
	}
	if err != nil {
		return undecided(ReasonGold, 1)
	}
	got, err := expr.Parse(a)
	if errors.Is(err, expr.ErrAmbiguous) {
		return undecided(ReasonAmbiguous, 1)
	}
	if err != nil {
		return undecided(ReasonUnparsable, 1)
	}
	tier := 1
	if simple(gold) && simple(got) {
		tier = 0
	}
	c := comparison{left: maxComparisons}
	switch c.nodes(gold, got) {
	case expr.Equal:
		return decided(r1.Correct, "", tier)
	case expr.Unequal:
		return decided(r1.Wrong, "", tier)
	}
	if c.reason == "" {
		c.reason = ReasonUnproven
	}
	return undecided(c.reason, tier)
}

// simple says that a tree is made of numbers, words and collections only:
// comparing such takes no algebra.
func simple(n *expr.Node) bool {
	switch n.Op {
	case expr.Tuple, expr.Bracket, expr.HalfOpen, expr.Set, expr.List, expr.Quantity, expr.Rel:
		for _, op := range n.Ops {
			if op != "=" { // an inequality
				return false
			}
		}
		for _, a := range n.Args {
			if !simple(a) {
				return false
			}
		}
		return true
	case expr.Text, expr.Sym, expr.Const:
		return true
	}
	return n.Plain()
}

func clip(s string) string {
	if len(s) > maxReported {
		s = strings.Clone(s[:maxReported]) // or it would keep all of a long reply in memory
	}
	return strings.ToValidUTF8(s, "")
}

// undress takes off what surrounds an answer without being part of it.
func undress(s string) string {
	for {
		before := len(s)
		s = strings.TrimSpace(s)
		for len(s) > 2 && s[len(s)-2] == '\\' && strings.IndexByte(",;:!", s[len(s)-1]) >= 0 && s[len(s)-3] != '\\' {
			s = strings.TrimSpace(s[:len(s)-2])
		}
		for s != "" && strings.IndexByte(".,;:", s[len(s)-1]) >= 0 && !strings.HasSuffix(s, "..") && !strings.HasSuffix(s, `\,`) &&
			!strings.HasSuffix(s, `\;`) && !strings.HasSuffix(s, `\:`) {
			s = s[:len(s)-1]
		}
		if s == "" {
			return s
		}
		switch s[0] {
		case '$', '\\', '*', '`':
			s = spaces(s)
			for _, pair := range [...][2]string{
				{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}, {`\[`, `\]`}, {"**", "**"}, {"`", "`"},
			} {
				inner, ok := strings.CutPrefix(s, pair[0])
				if ok && len(inner) >= len(pair[1]) && strings.HasSuffix(inner, pair[1]) && !strings.Contains(inner[:len(inner)-len(pair[1])], pair[0]) {
					s = inner[:len(inner)-len(pair[1])]
					break
				}
			}
			if inner, ok := strings.CutPrefix(s, `\boxed{`); ok && closes(inner) {
				s = inner[:len(inner)-1]
			}
		}
		if len(s) == before {
			return s
		}
	}
}

// spaces takes off the spaces that LaTeX writes with a backslash, and styles.
func spaces(s string) string {
	for _, p := range [...]string{`\displaystyle`, `\,`, `\;`, `\!`, `\:`, `\quad`} {
		if rest, ok := strings.CutPrefix(s, p); ok && (len(p) == 2 || rest != "" && !isLetter(rest[0])) {
			return rest
		}
	}
	return s
}

// closes says that the last byte of s closes the brace that stood before s.
func closes(s string) bool {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i == len(s)-1
			}
		}
	}
	return false
}
