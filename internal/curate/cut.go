package curate

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
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
	n := len(word)
	for ; n > 8; n -= 8 {
		h = (h ^ lower8(load8(word))) * k
		h ^= h >> 32
		word = word[8:]
	}
	var last uint64
	switch {
	case n == 8:
		last = load8(word)
	case n >= 4:
		last = load4(word) | load4(word[n-4:])<<32
	case n > 0:
		last = uint64(word[0]) | uint64(word[n/2])<<8 | uint64(word[n-1])<<16
	}
	return mix64((h ^ lower8(last)) * k)
}

func load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// lower8 puts eight ASCII bytes into lower case; others it leaves as they are.
func lower8(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	x := w | highs
	upper := (x - ones*'A') &^ (x - ones*('Z'+1)) &^ w & highs
	return w + upper>>2
}

// sameText makes texts comparable that differ in white space and case only.
func sameText(text string) string { return string(appendSame(nil, text)) }

// appendSame appends what sameText makes of text: words in lower case, one space
// between them.
func appendSame(out []byte, text string) []byte {
	start := len(out)
	for i := 0; i < len(text); {
		if byteClass[text[i]] == isSpace {
			i++
			continue
		}
		if c, size := utf8.DecodeRuneInString(text[i:]); size > 1 && unicode.IsSpace(c) {
			i += size
			continue
		}
		if len(out) > start {
			out = append(out, ' ')
		}
		from := i
		for i < len(text) && byteClass[text[i]] != isSpace && text[i] < utf8.RuneSelf {
			i++
		}
		out = append(out, text[from:i]...)
		if i == len(text) || text[i] < utf8.RuneSelf {
			continue
		}
		for i < len(text) { // the rest of a word that is not all ASCII
			c, class, size := runeAt(text, i)
			if class == isSpace {
				break
			}
			out = utf8.AppendRune(out, c)
			i += size
		}
	}
	rest := out[start:] // ASCII is not in lower case yet
	for ; len(rest) >= 8; rest = rest[8:] {
		binary.LittleEndian.PutUint64(rest, lower8(binary.LittleEndian.Uint64(rest)))
	}
	for i, b := range rest {
		if b < utf8.RuneSelf {
			rest[i] = asciiLower[b]
		}
	}
	return out
}
