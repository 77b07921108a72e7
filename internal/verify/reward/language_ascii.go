package reward

import (
	"sync"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/ascii"
)

// Most words are ASCII, for which there is a short way: find where a word ends by
// a table, and look for it among the function words by its bytes.

// What a byte is to an ASCII word.
const (
	inWord   = 1 << iota // a letter, a digit, an operator or an apostrophe
	isLetter             // and a letter
	startsWord
	endsSentence
	isLong // a backslash, or the beginning of what is not ASCII
)

var byteKinds = func() (t [256]byte) {
	for i := range t {
		if i >= utf8.RuneSelf || i == '\\' {
			t[i] = isLong
			continue
		}
		switch asciiClass(byte(i)) {
		case latin:
			t[i] = inWord | startsWord | isLetter
		case formula:
			t[i] = inWord | startsWord
		case joiner:
			t[i] = inWord
		case ender:
			t[i] = endsSentence
		}
	}
	return t
}()

// plain does what read does, from i on, where no word is open. It stops before a
// word that is not all ASCII, before a backslash, and at the end of the text.
func (c *counter) plain(text string, i int) int {
	words := asciiWords()
	for i < len(text) {
		kind := byteKinds[text[i]]
		if kind&startsWord == 0 {
			switch {
			case kind == isLong:
				return i
			case kind == endsSentence && (text[i] != '.' || i+1 == len(text) || asciiClass(text[i+1]) != formula):
				c.endSentence()
			}
			i++
			continue
		}
		start, before, pair := i, byte(0), byte(0) // pair: two letters in a row
		for ; i < len(text); i++ {
			if kind = byteKinds[text[i]]; kind&inWord == 0 {
				break
			}
			pair |= kind & before
			before = kind
		}
		switch {
		case i < len(text) && kind == isLong && text[i] != '\\':
			return start
		case pair&isLetter == 0:
			c.count(true)
		default:
			c.sentence.words++
			if said := words.find(text[start:i]); said != nil {
				c.sentence.hears(*said)
			}
		}
	}
	return i
}

// wordTable finds the function words that are ASCII, of up to maxWord bytes.
type wordTable struct {
	slots [1 << tableBits]tableWord
	said  [1 << tableBits]evidence
}

type tableWord struct {
	low, high uint64 // its bytes
	length    int    // 0: nothing is here
}

const (
	tableBits = 12
	maxWord   = 16
)

var asciiWords = sync.OnceValue(func() *wordTable {
	t := &wordTable{}
	for word, said := range functionWords() {
		if len(word) <= maxWord && isASCII(word) {
			at, key := t.place(word)
			t.slots[at], t.said[at] = key, said
		}
	}
	return t
})

func isASCII(word string) bool {
	for i := range len(word) {
		if word[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// find is what a word, in any case, says for each language; nil: nothing.
func (t *wordTable) find(word string) *evidence {
	if len(word) > maxWord {
		return nil
	}
	if at, key := t.place(word); t.slots[at] == key {
		return &t.said[at]
	}
	return nil
}

// place is where a word is in the table, or would be.
func (t *wordTable) place(word string) (at int, key tableWord) {
	key.length = len(word)
	if len(word) > 8 {
		key.high = ascii.Lower(ascii.LoadUpTo8(word[8:]))
		word = word[:8]
	}
	key.low = ascii.Lower(ascii.LoadUpTo8(word))
	at = int((key.low ^ key.high*0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93 >> (64 - tableBits))
	for t.slots[at].length != 0 && t.slots[at] != key {
		at = (at + 1) % len(t.slots)
	}
	return at, key
}
