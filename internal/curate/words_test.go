package curate

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/lacking"
)

// wordTexts are texts in which the ways to cut words differ.
func wordTexts() []string {
	texts := []string{
		"", " ", "So, 3*4=12; x+y!", "don't “quote” me (really)...", "我们 take 三个 apples，ok？", "a\u00a0b\u2003c\x1cd\x1fe\u0085f", "İstanbul İ", "ΟΔΥΣΣΕΥΣ, ΣΑΣ. Σ ΑΣ' ΑΣΑ Σ",
		"e\u0301a\u0308", "ǅ ﬁne Ｆｕｌｌ ²", "-- ... ,,", "a-b_c.d", "\t\n x \r\n y", "👩‍👩‍👧 emoji", "AΣ\u0301 AΣ\u00adB AΣ.B",
	}
	alphabet := []rune("aB3 .,-\n\t\\三αΣİé\u0301\u00a0\x1c'Ａ")
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var b strings.Builder
		for range rnd.IntN(40) {
			b.WriteRune(alphabet[rnd.IntN(len(alphabet))])
		}
		texts = append(texts, b.String())
	}
	return texts
}

// simpleWords says in plain words what plainWords does.
func simpleWords(text string) (out []string) {
	isPart := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
	add := func(word string) {
		if word = strings.TrimFunc(word, func(r rune) bool { return !isPart(r) }); word != "" {
			out = append(out, word)
		}
	}
	for field := range strings.FieldsSeq(text) {
		start := 0
		for i, r := range field {
			if unicode.Is(unicode.Han, r) {
				add(field[start:i])
				start = i + utf8.RuneLen(r)
				add(field[i:start])
			}
		}
		add(field[start:])
	}
	return out
}

func simpleUnits(text string) (out []string) {
	start := -1
	end := func(i int) {
		if start >= 0 {
			out = append(out, text[start:i])
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			end(i)
		case unicode.Is(unicode.Han, r) || !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r):
			end(i)
			out = append(out, text[i:i+utf8.RuneLen(r)])
		case start < 0:
			start = i
		}
	}
	end(len(text))
	return out
}

func TestWordsAreCut(t *testing.T) {
	for _, text := range wordTexts() {
		for name, c := range map[string]struct {
			got  []uint64
			want []string
		}{"plainWords": {plainWords(text, nil), simpleWords(text)}, "units": {units(text, nil), simpleUnits(text)}} {
			var want []uint64
			for _, w := range c.want {
				want = append(want, wordHash(strings.Map(unicode.ToLower, w)))
			}
			if !slices.Equal(c.got, want) {
				t.Errorf("%s(%q): %d words, want %q", name, text, len(c.got), c.want)
			}
		}
		if got, want := sameText(text), strings.ToLower(strings.Join(strings.Fields(text), " ")); got != want {
			t.Errorf("sameText(%q) is %q, want %q", text, got, want)
		}
	}
}

// pyWords is what Python does: Python says so.
func TestPythonsWords(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking.Skip(t, "no python3 on the PATH")
	}
	texts := wordTexts()
	cmd := exec.Command(python, "-c", "import sys, json\nfor t in json.load(sys.stdin): print(json.dumps(t.lower().split()))")
	cmd.Stdin = strings.NewReader(string(encode(texts)))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(answers) != len(texts) {
		t.Fatalf("%d answers", len(answers))
	}
	for i, text := range texts {
		var want []uint64
		for _, word := range decodeLines[[]string](t, []byte(answers[i]))[0] {
			want = append(want, wordHash(word))
		}
		if got := pyWords(text, nil); !slices.Equal(got, want) {
			t.Errorf("%q: %d words, Python has %s", text, len(got), answers[i])
		}
	}
}

// Texts of one line are the same once they are normalized; of two lines, not.
func TestNormalizedTexts(t *testing.T) {
	read := func(text string) string {
		var tok tokens
		tok.read(text)
		return fmt.Sprint(tok.hashes, tok.wordy, tok.number)
	}
	seen := map[string]string{}
	for _, same := range [][]string{
		{"x + 1", "$x+1$", `\(x + 1\)`, "x, 1", `\left( x + 1 \right)`},
		{"1/2", `\frac{1}{2}`, `\dfrac12`, `\frac 1 2`, "1 2", "1, 2", "1·2", `1 \cdot 2`}, // operators are out
		{"1,000 apples", "1000 Apples!", `1{,}000 apples`},
		{"3.14", "3.14."}, {"3,14"}, {"12"},
		{"π r²", `\pi r^2`, "π r 2"},
		{"√2", `\sqrt{2}`, "sqrt(2)"},
		{"café", "cafe\u0301", "CAFE"}, {"don't", "don’t", "dont"},
		{"Ａ１", "a 1", "a1"}, {"ﬁne", "fine"},
		{"求 x 的值", "求x的值。", "求 $x$ 的值"},
		{`\begin{align} a = b \end{align}`, "a b"},
		{`\text{if } x > 0`, "if x 0", "if x ≥ 0"},
		{`\varepsilon`, `\epsilon`, "ε"},
	} {
		for _, text := range same {
			if read(text) != read(same[0]) {
				t.Errorf("%q is not as %q: %s, %s", text, same[0], read(text), read(same[0]))
			}
		}
		if other, taken := seen[read(same[0])]; taken {
			t.Errorf("%q is as %q", same[0], other)
		}
		seen[read(same[0])] = same[0]
	}
}

func TestGramSet(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	in := map[uint64]bool{0: true, 1: true}
	grams := []uint64{0, 1, 1}
	for range 5000 {
		g := rnd.Uint64() >> uint(rnd.IntN(64))
		in[g] = true
		grams = append(grams, g)
	}
	s := newGramSet(grams)
	for g := range in {
		if !s.has(g) {
			t.Fatalf("%d is missing", g)
		}
	}
	for range 100000 {
		if g := rnd.Uint64() >> uint(rnd.IntN(64)); s.has(g) != in[g] {
			t.Fatalf("%d: %v", g, s.has(g))
		}
	}
}
