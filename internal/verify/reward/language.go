package reward

import (
	"unicode"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

func language() *Definition {
	return &Definition{
		Name: "language", Version: 2,
		Doc:     "share of the thinking's words in the target language",
		Formula: "words of the target/words of the thinking; digits, operators and single letters are of every language; unknown without a word. Scripts first; Latin-script sentences by their function words ([below](#language))",
		Range:   "0 to 1", Source: "paper 2.3.2 (eq. 7)",
		Params: []Param{
			{Name: "target", Type: Text, Choices: Languages(), Default: "en", Doc: "the language"},
			{Name: "prefilled", Type: Flag, Doc: "the prompt ended with `<think>`, so the completion lacks it (default false)"},
		},
		text: func(p Params, it Item) Value {
			if share, ok := Language(p.text("target"), read(p, it)); ok {
				return known(share)
			}
			return unknown(ReasonNoThinking)
		},
	}
}

// Languages lists the target languages of the language reward.
func Languages() []string {
	out := make([]string, 0, len(latinLanguages)+5)
	for _, l := range latinLanguages {
		out = append(out, l.code)
	}
	return append(out, "zh", "ja", "ko", "ru", "ar")
}

// Language is the share of the thinking's words that are in the target
// language, from 0 to 1. ok is false when the thinking has no words: there is
// nothing to measure, so the reward is unknown and an empty thinking earns
// nothing. (Scoring it 1 would pay a model for not thinking at all.)
//
// A word is one of these, by Unicode script; nothing else is counted:
//
//	a Han or kana character: one word each; Han is of zh and of ja, kana of ja
//	a run of Latin letters with at least two letters in a row, with the digits and apostrophes in it: one word, of the
//	language of its sentence
//	a run of ASCII digits, operators + - * / = < > ^ % and single Latin letters, such as 3*4=12 or x: one word, of every language
//	a run of Hangul, Cyrillic or Arabic letters: one word, of ko, ru or ar
//	a run of letters or digits of any other script: one word, of no target
//
// Left out: punctuation, other symbols, a lone Greek letter (mathematics has no
// language), and LaTeX commands (\frac). So in English mathematics everything
// counts as target, and a Chinese digit (三) among ASCII ones does not.
func Language(target, text string) (share float64, ok bool) {
	c := counter{target: target, own: latinIndex(target)}
	c.read(response.Split(text).Thinking)
	if c.total == 0 {
		return 0, false
	}
	return float64(c.hits) / float64(c.total), true
}

// class is what a rune is to a word.
type class int

const (
	separator class = iota
	ender           // a separator that ends a sentence
	latin
	formula // ASCII digits and operators
	han
	kana
	hangul
	cyrillic
	arabic
	greek
	foreign
	joiner // an apostrophe or combining mark: part of the word it is in
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		return asciiClass(byte(r))
	case r == '’' || unicode.Is(unicode.M, r):
		return joiner
	case r == '。' || r == '！' || r == '？' || r == '…':
		return ender
	case unicode.Is(unicode.Han, r):
		return han
	case unicode.Is(unicode.Latin, r):
		return latin
	case unicode.In(r, unicode.Hiragana, unicode.Katakana):
		return kana
	case unicode.Is(unicode.Hangul, r):
		return hangul
	case unicode.Is(unicode.Cyrillic, r):
		return cyrillic
	case unicode.Is(unicode.Arabic, r):
		return arabic
	case unicode.Is(unicode.Greek, r):
		return greek
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		return foreign
	}
	return separator
}

func asciiClass(b byte) class {
	switch {
	case isASCIILetter(b):
		return latin
	case b >= '0' && b <= '9':
		return formula
	}
	switch b {
	case '+', '-', '*', '/', '=', '<', '>', '^', '%':
		return formula
	case '\'':
		return joiner
	case '.', '!', '?', ';', '\n':
		return ender
	}
	return separator
}

// of says whether words of a class are of a target language; Latin and formulas
// are decided elsewhere.
func (c class) of(target string) bool {
	switch c {
	case han:
		return target == "zh" || target == "ja"
	case kana:
		return target == "ja"
	case hangul:
		return target == "ko"
	case cyrillic:
		return target == "ru"
	case arabic:
		return target == "ar"
	}
	return false
}

// counter counts the words of a text, and those of the target.
type counter struct {
	target      string
	own         int // the target among the latinLanguages; -1: it is none
	hits, total int

	run             class // of the word that is open; separator when none is
	letters, streak int   // of an open Latin or formula word: letters in a row now, and the most so far
	length          int   // runes of an open word
	start           int   // where an open word begins
	sentence        sentence
}

func (c *counter) count(hit bool) {
	c.total++
	if hit {
		c.hits++
	}
}

func (c *counter) read(text string) {
	for i := 0; i < len(text); {
		if i = c.plain(text, i); i < len(text) {
			i = c.runes(text, i, true)
		}
	}
	c.endWord(text)
	c.endSentence()
}

// runes reads rune by rune, from i on, where no word is open. It stops at the end
// of the text, or, with short, where none is open any more.
func (c *counter) runes(text string, i int, short bool) int {
	for from := i; i < len(text) && (!short || i == from || c.run != separator); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '\\' {
			c.endWord(text[:i])
			for i++; i < len(text) && isASCIILetter(text[i]); i++ {
			}
			continue
		}
		at := i
		i += size
		k := classOf(r)
		switch k {
		case separator, ender:
			c.endWord(text[:at])
			if k == ender && (r != '.' || i == len(text) || asciiClass(text[i]) != formula) { // 3.14 ends nothing
				c.endSentence()
			}
			continue
		case han, kana:
			c.endWord(text[:at])
			c.endSentence()
			c.count(k.of(c.target))
			continue
		case joiner:
			c.letters = 0
			continue
		case latin:
			c.letters++
		case formula:
			c.letters, k = 0, latin
		}
		if k != c.run {
			letters := c.letters
			c.endWord(text[:at])
			c.run, c.letters, c.start = k, letters, at
		}
		c.streak = max(c.streak, c.letters)
		c.length++
	}
	return i
}

// endWord closes the open word, which ends where text ends.
func (c *counter) endWord(text string) {
	switch {
	case c.run == separator:
	case c.run == latin && c.streak >= 2:
		c.sentence.add(text[c.start:])
	case c.run == latin:
		c.count(true)
	case c.run == greek && c.length == 1:
	default:
		c.count(c.run.of(c.target))
	}
	c.run, c.letters, c.streak, c.length = separator, 0, 0, 0
}

// endSentence counts the Latin words of a sentence, all alike.
func (c *counter) endSentence() {
	if c.sentence.words == 0 {
		return
	}
	c.total += c.sentence.words
	if c.sentence.isOf(c.own) {
		c.hits += c.sentence.words
	}
	c.sentence.reset()
}
