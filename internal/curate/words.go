package curate

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/verify"
)

// hash64 is FNV-1a with a final mix, over text in lower case. Its values never
// leave a run.
func hash64(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(text); {
		c := rune(text[i])
		size := 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(text[i:])
			c = unicode.ToLower(c)
		} else if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		i += size
		h = (h ^ uint64(c)) * 1099511628211
	}
	return mix64(h)
}

// mix64 spreads the bits of h (the finalizer of splitmix64).
func mix64(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// ngrams hashes each run of n neighbours.
func ngrams(words []uint64, n int) []uint64 {
	if len(words) < n {
		return nil
	}
	grams := make([]uint64, 0, len(words)-n+1)
	for i := 0; i+n <= len(words); i++ {
		var h uint64
		for _, w := range words[i : i+n] {
			h = mix64(h*31 + w)
		}
		grams = append(grams, h)
	}
	return grams
}

// units cuts text into runs of letters and digits, single Han characters, and
// single other symbols, so that formulas without spaces have units too.
func units(text string) []uint64 {
	var out []uint64
	start := -1 // of the open run
	end := func(i int) {
		if start >= 0 {
			out = append(out, hash64(text[start:i]))
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			end(i)
		case unicode.Is(unicode.Han, r) || !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r):
			end(i)
			out = append(out, hash64(text[i:i+utf8.RuneLen(r)]))
		case start < 0:
			start = i
		}
	}
	end(len(text))
	return out
}

// plainWords cuts text at white space, takes the punctuation off both ends of
// each word, and leaves out what is nothing else; a Han character is a word of
// its own. A formula without spaces is one word.
func plainWords(text string) []uint64 {
	var out []uint64
	isPart := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
	add := func(word string) {
		word = strings.TrimFunc(word, func(r rune) bool { return !isPart(r) })
		if word != "" {
			out = append(out, hash64(word))
		}
	}
	for field := range strings.FieldsSeq(text) {
		start := 0
		for i, r := range field {
			if r >= utf8.RuneSelf && unicode.Is(unicode.Han, r) {
				add(field[start:i])
				start = i + utf8.RuneLen(r)
				add(field[i:start])
			}
		}
		add(field[start:])
	}
	return out
}

// texts are the pieces of a row that hold prose, none spanning a tag.
func (r *row) texts() []string {
	out := make([]string, 0, 6)
	for _, text := range []string{r.prompt, r.response, r.chosen, r.rejected, r.text} {
		if text == "" {
			continue
		}
		parts := verify.Split(text)
		out = append(out, parts.Thinking, parts.Reply)
	}
	return out
}

// sameText makes texts comparable that differ in white space and case only.
func sameText(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }
