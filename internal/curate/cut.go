package curate

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/ascii"
)

// The functions here cut text into words and give their hashes. Most text is
// ASCII, for which there is a short way: find where a word ends by a table, and
// hash it eight bytes at a time. What is not ASCII goes character by character,
// up to the next white space.

// byteClass is the class of a byte; isHigh begins a character that is not ASCII.
const isHigh = isHan + 1

var byteClass = func() (t [256]runeClass) {
	for i := range t {
		t[i] = isHigh
		if i < utf8.RuneSelf {
			t[i] = asciiClass[i]
		}
	}
	return t
}()

// symbolHash is the hash of every ASCII character by itself.
var symbolHash = func() (t [utf8.RuneSelf]uint64) {
	for i := range t {
		t[i] = wordHash(string(rune(i)))
	}
	return t
}()

// plainWords cuts text at white space, takes the punctuation off both ends of
// each word, and leaves out what is nothing else; a Han character is a word of
// its own. A formula without spaces is one word. It appends their hashes to out.
func plainWords(text string, out []uint64) []uint64 {
	for i := 0; i < len(text); {
		switch byteClass[text[i]] {
		case isHigh:
			i, out = slowWords(text, i, out)
			continue
		case isPart:
		default:
			i++
			continue
		}
		start, end := i, i
		class := isPart
		for ; i < len(text); i++ {
			if class = byteClass[text[i]]; class == isPart {
				end = i + 1
			} else if class != isOther {
				break
			}
		}
		if class == isHigh && i < len(text) {
			i, out = slowWords(text, start, out)
			continue
		}
		out = append(out, wordHash(text[start:end]))
	}
	return out
}

// slowWords does what plainWords does from i on, up to and with the next white space.
func slowWords(text string, i int, out []uint64) (int, []uint64) {
	word, end := make([]byte, 0, 64), 0 // end: behind the last letter or digit
	for i < len(text) {
		c, class, size := runeAt(text, i)
		i += size
		if class == isSpace {
			break
		}
		switch {
		case class == isHan:
			if end > 0 {
				out = append(out, wordHash(string(word[:end])))
			}
			word, end = word[:0], 0
			out = append(out, wordHash(text[i-size:i]))
		case class == isPart:
			word = utf8.AppendRune(word, c)
			end = len(word)
		case end > 0:
			word = utf8.AppendRune(word, c)
		}
	}
	if end > 0 {
		out = append(out, wordHash(string(word[:end])))
	}
	return i, out
}

// units cuts text into runs of letters and digits, single Han characters, and
// single other symbols, so that formulas without spaces have units too. It
// appends their hashes to out.
func units(text string, out []uint64) []uint64 {
	for i := 0; i < len(text); {
		b := text[i]
		switch byteClass[b] {
		case isSpace:
			i++
			continue
		case isOther:
			out = append(out, symbolHash[b])
			i++
			continue
		case isHigh:
			i, out = slowUnits(text, i, out)
			continue
		}
		start := i
		for i < len(text) && byteClass[text[i]] == isPart {
			i++
		}
		if i < len(text) && byteClass[text[i]] == isHigh {
			i, out = slowUnits(text, start, out)
			continue
		}
		out = append(out, wordHash(text[start:i]))
	}
	return out
}

// slowUnits does what units does from i on, up to and with the next white space.
func slowUnits(text string, i int, out []uint64) (int, []uint64) {
	run := make([]byte, 0, 64)
	for i < len(text) {
		c, class, size := runeAt(text, i)
		i += size
		if class == isSpace {
			break
		}
		if class == isPart || class == isMark {
			run = utf8.AppendRune(run, c)
			continue
		}
		if len(run) > 0 {
			out = append(out, wordHash(string(run)))
			run = run[:0]
		}
		out = append(out, wordHash(string(c)))
	}
	if len(run) > 0 {
		out = append(out, wordHash(string(run)))
	}
	return i, out
}

// wordHash is over a word whose letters that are not ASCII are in lower case
// already; the others are taken for lower case.
func wordHash(word string) uint64 {
	const k = uint64(0x9fb21c651e98df25)
	h := uint64(len(word)) * 0xd6e8feb86659fd93
	for len(word) > 8 {
		h = (h ^ ascii.Lower(ascii.Load8(word))) * k
		h ^= h >> 32
		word = word[8:]
	}
	if len(word) == 0 {
		return mix64(h * k)
	}
	return mix64((h ^ ascii.Lower(ascii.LoadUpTo8(word))) * k)
}

// sameText makes texts comparable that differ in white space and case only.
func sameText(text string) string { return string(appendSame(nil, text)) }

// appendSame appends what sameText makes of text: words in lower case, one space
// between them.
func appendSame(out []byte, text string) []byte {
	start, spaced := len(out), true // spaced: out ends with a space, or is at its start
	space := func() {
		if !spaced {
			out, spaced = append(out, ' '), true
		}
	}
	for i := 0; i < len(text); {
		if i+8 <= len(text) && (!spaced || text[i] != ' ') {
			if w := ascii.Load8(text[i:]); ascii.Spaced(w) {
				out = binary.LittleEndian.AppendUint64(out, ascii.Lower(w))
				spaced = text[i+7] == ' '
				i += 8
				continue
			}
		}
		c, class, size := runeAt(text, i)
		if i += size; class == isSpace {
			space()
			continue
		}
		out, spaced = utf8.AppendRune(out, c), false
	}
	if spaced && len(out) > start {
		out = out[:len(out)-1]
	}
	return out
}
