package choice

import (
	"slices"
	"strings"
	"unicode"
)

// newOption prepares an option's text: its own label ("B) …") and dress go.
func newOption(text string) option {
	s := undress(text)
	if _, rest, ok := label(s); ok {
		s = undress(rest)
	}
	words := words(s)
	return option{words: words, key: strings.Join(words, " ")}
}

// maxSentence bounds an answer that is read as a sentence around an option's text, in words
// beyond the longest option's.
const maxSentence = 12

// byText reads the text of an option: as the whole answer, with its label, or in a short
// sentence that names exactly one.
func (q Question) byText(s string) (string, Problem) {
	if l, ok := q.exact(s); ok {
		return l, None
	}
	said := words(s)
	longest := 0
	for _, o := range q.options {
		longest = max(longest, len(o.words))
	}
	if len(said) == 0 || len(said) > longest+maxSentence {
		return "", Unparsable
	}
	if slices.ContainsFunc(said, negates) && !slices.ContainsFunc(q.options, func(o option) bool { return slices.ContainsFunc(o.words, negates) }) {
		return "", Unparsable // "not sodium" names sodium, and does not choose it
	}
	found := ""
	for i, n := range q.named(said) {
		if n == 0 {
			continue
		}
		if found != "" {
			return "", Ambiguous
		}
		found = letter(i)
	}
	if found == "" {
		return "", Unparsable
	}
	return found, None
}

// exact is the option whose whole text s is, with its own label or without.
func (q Question) exact(s string) (string, bool) {
	o := newOption(s)
	bare := strings.Join(words(undress(s)), " ")
	for i, have := range q.options {
		if have.key != "" && (have.key == o.key || have.key == bare) {
			return letter(i), true
		}
	}
	return "", false
}

// named counts how often each option's text stands in a sentence, as whole words. A
// stretch of words belongs to the longest option that it spells: "sodium
// chloride" does not name the option "sodium".
func (q Question) named(said []string) []int {
	counts := make([]int, len(q.options))
	for i := 0; i < len(said); {
		best, size := -1, 0
		for k, o := range q.options {
			if n := len(o.words); n > size && i+n <= len(said) && slices.Equal(said[i:i+n], o.words) {
				best, size = k, n
			}
		}
		if best < 0 {
			i++
			continue
		}
		counts[best]++
		i += size
	}
	return counts
}

func negates(word string) bool {
	switch word {
	case "not", "no", "never", "neither", "nor", "isn't", "cannot", "except", "than":
		return true
	}
	return false
}

// words splits a text for comparison: lower case, without LaTeX's spacing and text commands,
// and without punctuation that stands beside words. Signs, digits and operators stay: "-1" is not "1".
func words(s string) []string {
	s = strings.NewReplacer(`\text{`, " ", `\textbf{`, " ", `\mathrm{`, " ", `\mathbf{`, " ", "{", "", "}", "", `\,`, " ", `\;`, " ", `\ `, " ", `\!`, "",
		"$", " ", "**", " ", "\u2212", "-", "\u00a0", " ", "\u2019", "'").Replace(s)
	fields := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return unicode.IsSpace(r) })
	out := fields[:0]
	for _, f := range fields {
		if f = strings.TrimRight(strings.Trim(f, `"“”,;:!?()[]`), "."); f != "" {
			out = append(out, f)
		}
	}
	return out
}
