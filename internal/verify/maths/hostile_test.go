package maths_test

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/maths"
	"github.com/r1ctl/r1ctl/internal/verify/maths/pairs"
)

// slowest is what one item may take at the very most; far above what they
// take, so that a busy machine does not matter.
const slowest = 5 * time.Second

// monsters are answers made to be long, deep, or dear to compute.
func monsters() []string {
	deep := func(open, middle, end string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
	}
	return []string{
		"9^9^9^9", "9^{9^{9^{9}}}", "100000000!", "((((100!)!)!)!)!", `\binom{1000000000}{500000000}`, "10^{10^{10}}", "2^{2147483647}", "2^{-2147483648}",
		"1.5e3000", "1.5E-3000", "1E999999999", "0." + strings.Repeat("0", 1900) + "1", strings.Repeat("9", 2001), strings.Repeat("9", 4000),
		`\sqrt[1000]{2^{1000}}`, `\sqrt[999999999]{2}`, `\sin(10^{1000})`, `\sin(10^{2000})`, `e^{e^{e^{e^{e}}}}`, `\ln(\ln(\ln(2)))`, `\exp(\exp(\exp(10)))`, `e^{-e^{30}}`,
		`\tan(\frac{\pi}{2})`, `\frac{1}{\sin\pi}`, `0^0`, `0^{-1}`, `\frac{0}{0}`, `\sqrt{\sin \pi}`, `(-1)^{0.5}`, `(-1)^{1/3}`, `\log_1 5`, `\log_0 5`, `\log_{-2} 8`,
		deep("(", "1", ")", 1000), deep("{", "1", "}", 1000), deep(`\frac{1}{`, "2", "}", 500), deep(`\sqrt{`, "2", "}", 700), deep("-", "1", "", 3000),
		deep("|", "1", "|", 1000), deep(`\text{`, "a", "}", 600), deep(`\left(`, "x", `\right)`, 250), deep("x^{", "2", "}", 50), deep("x^", "2", "", 1000), deep("[(", "1", ")]", 900),
		deep(`\begin{pmatrix}`, "1", `\end{pmatrix}`, 100), deep("sin ", "x", "", 900), deep(`\ln `, "x", "", 900), deep("{{", "", "}}", 500), deep("1,", "1", "", 1400),
		`\{` + deep("x,", "x", "", 400) + `\}`, `\{` + deep(`\sqrt2,`, `\sqrt2`, "", 200) + `\}`, `\{` + deep(`\sin 1,`, "2", "", 250) + `\}`, deep("x+", "x", "", 1000), deep("(x+1)", "", "", 400),
		deep(`\sin(x)`, "", "", 400), deep(`\sin x+`, "1", "", 300), "(" + deep("x+", "x", "", 400) + ")^{1000}", deep("(1,2)\\cup", "(3,4)", "", 200), deep("a=", "a", "", 1000),
		deep("1!", "", "", 500), deep("x!", "", "", 500), deep("1000!+", "1", "", 600), deep(`\binom{1000}{500}\cdot`, "1", "", 150), deep(`\pm 1`, "", "", 100), deep("999^{999}+", "1", "", 300),
		deep(`(x+1)^{300}+`, "1", "", 250), deep(`\ln(x+2)\cdot`, "y", "", 350), deep("x^{300}y^{200}+", "1", "", 250), deep(`\sqrt{x+1}\cdot\sin x+`, "n!", "", 150), deep(`\log x+`, "1", "", 500),
		"(" + deep(`\sqrt2,`, `\sqrt3`, "", 450) + ")", deep(`x^2+y^2+z^2+`, "w = 5", "", 300), deep(`xy+yz+zx+`, "w^2 < 5", "", 300), `\{` + deep(`x^2+y,`, "1", "", 400) + `\}`, deep(`e^{x}+e^{y}+`, "1=0", "", 300),
		deep(`\sqrt[3]{x}+`, "1", "", 300), deep(`\sqrt[3]{7^{400}}+`, "1", "", 200), deep(`(-\infty,1)\cup(2,\sqrt5)\cup`, "(3,4)", "", 90), deep(`\sin(1)+`, "x=1", "", 400), `x = ` + deep("x^{99}+", "1", "", 500), deep("y^2+x^2=", "1", "", 100), "\xff\xfe\x80", "\x00", strings.Repeat("\xf0\x9f", 1000), `\`, `\\`, `\boxed`, `\boxed{`, `\boxed{}`, "$", "$$", "$$$", `\text`, `\text{`, `\frac`, `\frac1`, `\sqrt`,
		`\sqrt[`, `\begin{pmatrix}`, `\begin{`, `\end{x}`, `\left.`, `\left\{`, "_", "^", "x_", "x^", "1_", "C_", "C_5^", "{}^{}", "°", "%", "!", "'", "…", "+-", "±", ":", "1:", ":1", "=", "<", "x<", "<x", "∈", "x ∈", "∪", "(1,2)∪",
		"（１，２）", "x²³", "½", "１２", "٣", "一", "\u202e5", "\u200b", "1\u0000", strings.Repeat(`\frac`, 800), strings.Repeat("$", 4000), strings.Repeat("1 ", 1500), strings.Repeat("a", 4000), strings.Repeat("ab ", 1300),
		strings.Repeat("5", 1<<20), strings.Repeat("{", 1<<20), strings.Repeat(`\boxed{`, 1<<17), strings.Repeat(`\boxed`, 1<<17), strings.Repeat("<answer>", 1<<17), strings.Repeat("</answer>", 1<<17), strings.Repeat(" ", 1<<20), strings.Repeat(".", 1<<20),
		strings.Repeat("answer is ", 1<<16), strings.Repeat("$x", 1<<18), strings.Repeat("\xff", 1<<20), strings.Repeat(`\(`, 1<<18), strings.Repeat("\\boxed{1}", 1<<16), strings.Repeat("**", 1<<19),
	}
}

// mutate spoils a text in ways that parsers stumble over.
func mutate(rnd *rand.Rand, s string) string {
	parts := []string{
		"{", "}", "(", ")", "[", "]", "^", "_", "\\", "\\frac", "\\sqrt", "\\left", "\\right", "^{9^{9}}", "!", "!!", "|", ",", ";", "\\text{", "=", "<", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\",
		"\xff", "\x00", "…", "±", "∪", "°", "%", "$", "9999999999", "e", "i", "\\pi", "\\infty", "x", "1/0", "\\ln ", "\\sin ", "\\pm", ":", "'", "\\boxed{", "<answer>", " or ", "0.", "e9", ".",
	}
	b := []byte(s)
	for range 1 + rnd.IntN(4) {
		at := rnd.IntN(len(b) + 1)
		switch rnd.IntN(4) {
		case 0:
			if at < len(b) {
				b = append(b[:at], b[at+1:]...)
			}
		case 1:
			end := min(len(b), at+rnd.IntN(8))
			b = append(b[:end:end], b[at:]...)
		default:
			b = append(append(b[:at:at], parts[rnd.IntN(len(parts))]...), b[at:]...)
		}
	}
	return string(b)
}

func judge(t *testing.T, gold, reply string) {
	t.Helper()
	start := time.Now()
	d := maths.Judge(gold, reply)
	e := maths.Compare(reply, reply)
	if took := time.Since(start); took > slowest {
		t.Errorf("%v for %.200q against %.200q", took, reply, gold)
	}
	if d.Reason == maths.ReasonFault || e.Reason == maths.ReasonFault {
		t.Errorf("a panic on %.200q against %.200q", reply, gold)
	}
	if len(d.Answer) > 200 {
		t.Errorf("%d bytes of an answer kept", len(d.Answer))
	}
	if e.Decided && e.Label == r1.Wrong {
		t.Errorf("%.200q is not equal to itself: %s", reply, e.Reason)
	}
}

// TestHostile judges 100,000 hostile inputs, 5,000 with -short.
func TestHostile(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 5000
	}
	all := monsters()
	for _, m := range all {
		judge(t, "5", m)
		judge(t, m, "5")
		judge(t, `\sqrt{x+1}`, `\boxed{`+m+`}`)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	rnd := rand.New(rand.NewPCG(7, 7))
	made := pairs.Generate(7, 4000)
	for i := range n {
		p := made[i%len(made)]
		gold, answer := p.Gold, p.Answer
		if rnd.IntN(2) == 0 {
			gold = mutate(rnd, gold)
		}
		answer = mutate(rnd, answer)
		if rnd.IntN(50) == 0 {
			m := all[rnd.IntN(len(all)-14)] // the last are the megabytes
			answer = mutate(rnd, m)
		}
		judge(t, gold, answer)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before.HeapAlloc, after.HeapAlloc)
	}
}

func FuzzCompare(f *testing.F) {
	for _, p := range pairs.Generate(3, 200) {
		f.Add(p.Gold, p.Answer)
	}
	f.Fuzz(func(t *testing.T, gold, answer string) {
		start := time.Now()
		defer func() {
			if took := time.Since(start); took > slowest {
				t.Fatalf("%v", took)
			}
		}()
		if d := maths.Compare(gold, answer); d.Reason == maths.ReasonFault {
			t.Fatal("a panic")
		}
		for _, s := range []string{gold, answer} {
			if d := maths.Compare(s, s); d.Decided && d.Label == r1.Wrong {
				t.Fatalf("%q is not equal to itself", s)
			}
		}
	})
}

func FuzzJudge(f *testing.F) {
	for _, p := range pairs.Generate(4, 200) {
		f.Add(p.Gold, `So the answer is \boxed{`+p.Answer+"}.")
		f.Add(p.Gold, "The answer is "+p.Answer)
	}
	f.Fuzz(func(t *testing.T, gold, reply string) {
		d := maths.Judge(gold, reply)
		if d.Reason == maths.ReasonFault {
			t.Fatal("a panic")
		}
		if d.Decided && strings.TrimSpace(gold) == "" {
			t.Fatalf("decided without a gold answer: %+v", d)
		}
	})
}
