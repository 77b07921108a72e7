package curate

import (
	"unicode"
	"unicode/utf8"
)

// pyWords cuts text as Python's text.lower().split() does, and appends the
// hashes of the words to out. Nothing but white space is taken off.
func pyWords(text string, out []uint64) []uint64 {
	for i := 0; i < len(text); {
		if pySpace(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && text[i] < utf8.RuneSelf && !pySpace(text[i]) {
			i++
		}
		if i == len(text) || text[i] < utf8.RuneSelf {
			out = append(out, wordHash(text[start:i]))
			continue
		}
		i, out = slowPyWord(text, start, out)
	}
	return out
}

// pySpace says whether Python takes an ASCII character for white space: the
// separators, too.
func pySpace(b byte) bool { return byteClass[b] == isSpace || b >= 0x1c && b <= 0x1f }

// slowPyWord is the word, if any, from i to the next white space.
func slowPyWord(text string, i int, out []uint64) (int, []uint64) {
	word := make([]byte, 0, 64)
	for i < len(text) {
		c, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsSpace(c) || c < utf8.RuneSelf && pySpace(byte(c)) {
			i += size
			break
		}
		switch {
		case c == 'İ': // two characters in lower case
			word = append(word, "i\u0307"...)
		case c == 'Σ' && finalSigma(text, i, size):
			word = utf8.AppendRune(word, 'ς')
		default:
			word = utf8.AppendRune(word, unicode.ToLower(c))
		}
		i += size
	}
	if len(word) > 0 {
		out = append(out, wordHash(string(word)))
	}
	return i, out
}

// finalSigma is Unicode's rule: a cased letter stands before, none behind, where
// characters that case ignores do not count.
func finalSigma(text string, i, size int) bool {
	before := false
	for j := i; j > 0; {
		c, n := utf8.DecodeLastRuneInString(text[:j])
		j -= n
		if !caseIgnorable(c) {
			before = cased(c)
			break
		}
	}
	if !before {
		return false
	}
	for j := i + size; j < len(text); {
		c, n := utf8.DecodeRuneInString(text[j:])
		j += n
		if !caseIgnorable(c) {
			return !cased(c)
		}
	}
	return true
}

func cased(c rune) bool {
	return unicode.In(c, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func caseIgnorable(c rune) bool {
	switch c { // Word_Break MidLetter, MidNumLet, Single_Quote
	case '\'', '.', ':', 0xb7, 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a:
		return true
	}
	return unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}
