package reward

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestEveryFunctionWordIsInTheTableOrNotASCII(t *testing.T) {
	words := asciiWords()
	for word, said := range functionWords() {
		found := words.find(strings.ToUpper(word))
		if isASCII(word) != (found != nil) || found != nil && *found != said {
			t.Errorf("%q: got %v, want %v", word, found, said)
		}
	}
	for _, word := range []string{"thex", "th", "qwertyuiopasdfgh", "qwertyuiopasdfghj", "the\x00"} {
		if words.find(word) != nil {
			t.Errorf("%q is no function word", word)
		}
	}
}

// slowly reads a text rune by rune, as is done with what is not ASCII.
func slowly(target, text string) counter {
	c := counter{target: target, own: latinIndex(target)}
	c.runes(text, 0, false)
	c.endWord(text)
	c.endSentence()
	return c
}

func TestTheShortWayCountsAsTheLongOne(t *testing.T) {
	parts := []string{
		"the", "The", "und", "DER", "don't", "'tis", "d'abord", "x", "3.14", "3*4=12", ".", ". ", "!", "; ", " ", "\n\n", "\t", "\\frac{1}{2}", "\\", "é", "où", "’",
		"三", "か", "да", "α", "λόγος", "\u0301", "…", "。", "_", "a1b", "2x", "ab", "\xff", "ß", "İ", "-", "<", "therefore", "entonces", "a-b",
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var b strings.Builder
		for range rnd.IntN(30) {
			b.WriteString(parts[rnd.IntN(len(parts))])
			if rnd.IntN(2) == 0 {
				b.WriteByte(' ')
			}
		}
		text := b.String()
		for _, target := range []string{"en", "de", "zh"} {
			got, want := counter{target: target, own: latinIndex(target)}, slowly(target, text)
			got.read(text)
			if got.hits != want.hits || got.total != want.total {
				t.Fatalf("%s, %q: got %d of %d, want %d of %d", target, text, got.hits, got.total, want.hits, want.total)
			}
		}
	}
}
