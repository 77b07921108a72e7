package curate

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// Hashes are FNV-1a with a final mix. Their values never leave a run.
const (
	hashStart = uint64(14695981039346656037)
	hashPrime = uint64(1099511628211)
)

// hash64 is over text in lower case.
func hash64(text string) uint64 {
	h := hashStart
	for i := 0; i < len(text); {
		c := rune(text[i])
		size := 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(text[i:])
			c = unicode.ToLower(c)
		} else {
			c = rune(asciiLower[c])
		}
		i += size
		h = (h ^ uint64(c)) * hashPrime
	}
	return mix64(h)
}

// mix64 spreads the bits of h (the finalizer of splitmix64).
func mix64(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// asciiLower is every ASCII character in lower case.
var asciiLower = func() (t [utf8.RuneSelf]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] = byte(i + 'a' - 'A')
		}
	}
	return t
}()

// runeClass is what a character is to words.
type runeClass byte

const (
	isOther runeClass = iota
	isSpace
	isPart // a letter or a number
	isMark
	isHan
)

var asciiClass = func() (t [utf8.RuneSelf]runeClass) {
	for i := range t {
		t[i] = slowClass(rune(i))
	}
	return t
}()

func slowClass(r rune) runeClass {
	switch {
	case unicode.IsSpace(r):
		return isSpace
	case r >= utf8.RuneSelf && unicode.Is(unicode.Han, r):
		return isHan
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		return isPart
	case unicode.IsMark(r):
		return isMark
	}
	return isOther
}

// runeAt is the character at i in lower case, its class and its size.
func runeAt(text string, i int) (c rune, class runeClass, size int) {
	if b := text[i]; b < utf8.RuneSelf {
		return rune(asciiLower[b]), asciiClass[b], 1
	}
	c, size = utf8.DecodeRuneInString(text[i:])
	return unicode.ToLower(c), slowClass(c), size
}

// grams appends a hash of each run of n neighbours to out.
func grams(words []uint64, n int, out []uint64) []uint64 {
	if len(words) < n {
		return out
	}
	const base = uint64(0x9e3779b97f4a7c15)
	var h uint64
	top := uint64(1) // base^n
	for _, w := range words[:n] {
		h = h*base + w
		top *= base
	}
	out = append(slices.Grow(out, len(words)), mix64(h))
	behind := words[:len(words)-n]
	for i, w := range words[n:] {
		h = h*base + w - behind[i]*top
		out = append(out, mix64(h))
	}
	return out
}
