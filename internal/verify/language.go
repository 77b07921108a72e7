package verify

import (
	"unicode"
	"unicode/utf8"
)

// Languages lists the target languages of the language reward.
func Languages() []string { return []string{"en", "zh"} }

// Language is the share of the thinking's words that are in the target
// language, from 0 to 1. ok is false when the thinking has no words: there is
// nothing to measure, so the reward is null and an empty thinking earns
// nothing. (Scoring it 1 would pay a model for not thinking at all.)
//
// A word is one of these, by Unicode script; nothing else is counted:
//
//	a Han character (一, 〇): one word each, of zh
//	a run of Latin letters with at least two letters in a row, with the digits and apostrophes in it: one word, of en
//	a run of ASCII digits, operators + - * / = < > ^ % and single Latin letters, such as 3*4=12 or x: one word, of both
//	a run of letters or digits of any other script: one word, of neither
//
// Left out: punctuation, other symbols, a lone Greek letter (mathematics has no
// language), and LaTeX commands (\frac). So in English mathematics everything
// counts as target, and a Chinese digit (三) among ASCII ones does not.
func Language(target, response string) (share float64, ok bool) {
	en, zh, both, other := countWords(Split(response).Thinking)
	total := en + zh + both + other
	if total == 0 {
		return 0, false
	}
	switch target {
	case "en":
		return float64(en+both) / float64(total), true
	case "zh":
		return float64(zh+both) / float64(total), true
	}
	return 0, false
}

// class is what a rune is to a word.
type class int

const (
	separator class = iota
	latin
	formula // ASCII digits and operators
	han
	greek
	foreign
	joiner // an apostrophe or combining mark: part of the word it is in
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case r|0x20 >= 'a' && r|0x20 <= 'z':
			return latin
		case r >= '0' && r <= '9':
			return formula
		}
		switch r {
		case '+', '-', '*', '/', '=', '<', '>', '^', '%':
			return formula
		case '\'':
			return joiner
		}
		return separator
	case r == '’' || unicode.Is(unicode.M, r):
		return joiner
	case unicode.Is(unicode.Han, r):
		return han
	case unicode.Is(unicode.Latin, r):
		return latin
	case unicode.Is(unicode.Greek, r):
		return greek
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		return foreign
	}
	return separator
}

// countWords counts words by language: of en, of zh, of both, of neither.
func countWords(text string) (en, zh, both, other int) {
	var run class           // class of the run that is open; separator when none is
	letters, streak := 0, 0 // of an open Latin or formula run: letters in a row now, and the most so far
	length := 0             // runes of an open run
	end := func() {
		switch {
		case run == separator:
		case run == latin && streak >= 2:
			en++
		case run == latin:
			both++
		case run == greek && length == 1:
		default:
			other++
		}
		run, letters, streak, length = separator, 0, 0, 0
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '\\' {
			end()
			for i++; i < len(text) && isASCIILetter(text[i]); i++ {
			}
			continue
		}
		i += size
		c := classOf(r)
		switch c {
		case separator:
			end()
			continue
		case han:
			end()
			zh++
			continue
		case joiner:
			letters = 0
			continue
		case latin:
			letters++
		case formula:
			letters, c = 0, latin
		}
		if c != run {
			l := letters
			end()
			run, letters = c, l
		}
		streak = max(streak, letters)
		length++
	}
	end()
	return en, zh, both, other
}
