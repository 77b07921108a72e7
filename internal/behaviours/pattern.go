package behaviours

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A pattern is a run of words as a rule writes it:
//
//	let|let's ?me _3 verify   alternatives; an optional word; up to three words of any kind
//	# is ?not #               # is a number, and the signs , = ≠ stand for themselves
//	^ check ,                 ^ is the beginning of a sentence, $ its end or a comma
type pattern struct {
	items   []item
	atStart bool
}

type item struct {
	ids      []uint16
	optional bool
	gap      int  // up to so many words
	end      bool // the end of the sentence, or a comma
}

// Ids of tokens that are no word. Words of the rules follow; others are idOther.
const (
	idOther uint16 = iota
	idNumber
	idComma
	idEquals
	idNotEquals
	idOperator
	idBracket
	idFirstWord
)

func signs() map[string]uint16 {
	return map[string]uint16{"#": idNumber, ",": idComma, "=": idEquals, "≠": idNotEquals}
}

// vocabulary numbers the words of the rules.
type vocabulary struct {
	ids     map[string]uint16
	longest int // bytes of a word
}

func (v *vocabulary) id(word string) uint16 {
	if id, ok := signs()[word]; ok {
		return id
	}
	id, ok := v.ids[word]
	if !ok {
		id = idFirstWord + uint16(len(v.ids))
		v.ids[word] = id
		v.longest = max(v.longest, len(word))
	}
	return id
}

// compileAll reads patterns, one a line.
func (v *vocabulary) compileAll(text string) []pattern {
	var all []pattern
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			all = append(all, v.compile(line))
		}
	}
	return all
}

// compile reads a pattern. One that is malformed is a mistake in rules.go.
func (v *vocabulary) compile(text string) pattern {
	var p pattern
	for i, word := range strings.Fields(text) {
		switch {
		case word == "^" && i == 0:
			p.atStart = true
		case word == "$":
			p.items = append(p.items, item{end: true})
		case strings.HasPrefix(word, "_"):
			n, err := strconv.Atoi(word[1:])
			if err != nil {
				panic(fmt.Sprintf("behaviours: rule %q: a gap is _ and a number", text))
			}
			p.items = append(p.items, item{gap: n})
		default:
			var it item
			word, it.optional = strings.CutPrefix(word, "?")
			for _, one := range strings.Split(word, "|") {
				it.ids = append(it.ids, v.id(one))
			}
			p.items = append(p.items, it)
		}
	}
	return p
}

// firsts are the ids that a match of the pattern can begin with.
func (p pattern) firsts() []uint16 {
	var ids []uint16
	for _, it := range p.items {
		ids = append(ids, it.ids...)
		if !it.optional {
			break
		}
	}
	return ids
}

// matches says whether the pattern begins at token at of a sentence.
func (p pattern) matches(sentence []token, at int) bool {
	return (!p.atStart || at == 0) && follow(p.items, sentence[at:])
}

func follow(items []item, rest []token) bool {
	if len(items) == 0 {
		return true
	}
	it := items[0]
	switch {
	case it.end:
		return (len(rest) == 0 || rest[0].id == idComma) && follow(items[1:], rest)
	case it.gap > 0:
		for skipped := 0; ; skipped++ {
			if follow(items[1:], rest) {
				return true
			}
			if skipped == it.gap || len(rest) == 0 || rest[0].id == idComma {
				return false
			}
			rest = rest[1:]
		}
	}
	if len(rest) > 0 && slices.Contains(it.ids, rest[0].id) && follow(items[1:], rest[1:]) {
		return true
	}
	return it.optional && follow(items[1:], rest)
}

// ruleSet is patterns by what they begin with, each with the bit of its rule.
type ruleSet [][]bound

type bound struct {
	pattern
	bit uint32
}

func (s *ruleSet) add(p pattern, bit uint32) {
	for _, id := range p.firsts() {
		for int(id) >= len(*s) {
			*s = append(*s, nil)
		}
		(*s)[id] = append((*s)[id], bound{p, bit})
	}
}

// find gives the bits of the rules that a sentence meets.
func (s ruleSet) find(sentence []token) uint32 {
	var found uint32
	for at, t := range sentence {
		if int(t.id) >= len(s) {
			continue
		}
		for i := range s[t.id] {
			if b := &s[t.id][i]; found&b.bit == 0 && b.matches(sentence, at) {
				found |= b.bit
			}
		}
	}
	return found
}
