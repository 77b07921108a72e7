package ascii_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/ascii"
)

// pieces are eight bytes each, of every kind of byte.
func pieces() (out []string) {
	rnd := rand.New(rand.NewPCG(1, 2))
	kinds := []string{"abcxyz", "ABCXYZ", "0123@[`{~\x7f", "  ", "\t\n\x00\x1f", "\x80\xa0\xc3\xff"}
	for range 20000 {
		var b strings.Builder
		few := 1 + rnd.IntN(len(kinds))
		for range 8 {
			kind := kinds[rnd.IntN(few)]
			b.WriteByte(kind[rnd.IntN(len(kind))])
		}
		out = append(out, b.String())
	}
	return out
}

func bytesOf(w uint64) string {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(w >> (8 * i))
	}
	return string(b)
}

func TestLowerChangesCapitalsOnly(t *testing.T) {
	for _, s := range pieces() {
		want := []byte(s)
		for i, c := range want {
			if 'A' <= c && c <= 'Z' {
				want[i] = c + 'a' - 'A'
			}
		}
		if got := bytesOf(ascii.Lower(ascii.Load8(s))); got != string(want) {
			t.Fatalf("%q: got %q", s, got)
		}
	}
}

func TestSpacedIsOfPlainTextWithSingleSpaces(t *testing.T) {
	yes := 0
	for _, s := range pieces() {
		want := !strings.Contains(s, "  ")
		for i := range len(s) {
			want = want && s[i] >= ' ' && s[i] < 0x80
		}
		if got := ascii.Spaced(ascii.Load8(s)); got != want {
			t.Fatalf("%q: got %v", s, got)
		}
		if want {
			yes++
		}
	}
	if yes < 1000 {
		t.Errorf("only %d pieces are spaced", yes)
	}
}

func TestShortTextsOfOneLengthDiffer(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for i := range n {
			a, b := []byte("abcdefgh")[:n], []byte("abcdefgh")[:n]
			if b[i] = 'x'; ascii.LoadUpTo8(string(a)) == ascii.LoadUpTo8(string(b)) {
				t.Errorf("%s and %s are one", a, b)
			}
		}
	}
}
