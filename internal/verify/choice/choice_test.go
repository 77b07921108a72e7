package choice_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/verify/choice"
)

func question(t testing.TB, form choice.Form, options ...string) choice.Question {
	t.Helper()
	q, err := choice.New(options, form)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// wants is the letter, or the problem where there is none.
func read(letter string, p choice.Problem) string {
	if p != choice.None {
		return string(p)
	}
	return letter
}

func TestAnswersByLetter(t *testing.T) {
	q := question(t, choice.Letter)
	four := question(t, choice.Letter, "x", "y", "z", "w")
	for text, want := range map[string]string{
		"C": "C", "(c)": "C", "**C**": "C", `\text{C}`: "C", "C.": "C", "[B]": "B", `$\mathrm{D}$`: "D",
		"C) the mitochondria": "C", "C: mitochondria": "C", "(C) mitochondria, unlike (C) here": "C",
		"The answer is C": "C", "The correct option is (B).": "B", "Therefore my final answer is D": "D",
		"A cat": "answer-unparsable", "": "answer-unparsable", "e.g. this": "answer-unparsable",
		"A or B": "answer-ambiguous", "B) this, or C) that": "answer-ambiguous",
	} {
		if got := read(q.Answer(text)); got != want {
			t.Errorf("%q reads as %s, want %s", text, got, want)
		}
	}
	if got := read(four.Answer("E")); got != "answer-unparsable" {
		t.Errorf("E of four options reads as %s", got)
	}
}

func TestAnswersByTextAreSafeFromDistractors(t *testing.T) {
	q := question(t, choice.Either, "Sodium", "Sodium chloride", "B) Potassium nitrate", "None of the above")
	for text, want := range map[string]string{
		"sodium":                                "A",
		"Sodium chloride.":                      "B", // and not A, which is part of it
		"It is sodium chloride":                 "B",
		"**potassium nitrate**":                 "C", // an option's own label says nothing: C is third
		"none of the above":                     "D",
		"B":                                     "B",
		"B) sodium chloride":                    "B",
		"B) sodium":                             "answer-ambiguous", // letter and text disagree
		"sodium or potassium nitrate":           "answer-ambiguous",
		"sodium, since A is right":              "A",
		"helium":                                "answer-unparsable",
		"sodiums":                               "answer-unparsable",
		strings.Repeat("well ", 40) + "sodium":  "answer-unparsable", // no answer, but a text
		"The correct answer is \"Sodium\"":      "A",
		"$\\text{Sodium chloride}$":             "B",
		"Sodium chloride, and not Sodium alone": "answer-unparsable", // what a negation leaves is not guessed
	} {
		if got := read(q.Answer(text)); got != want {
			t.Errorf("%q reads as %s, want %s", text, got, want)
		}
	}
	plain := question(t, choice.Text, "sodium", "potassium")
	for text, want := range map[string]string{"not sodium": "answer-unparsable", "A": "answer-unparsable", "potassium": "B", "potassium rather than sodium": "answer-unparsable"} {
		if got := read(plain.Answer(text)); got != want {
			t.Errorf("by text: %q reads as %s, want %s", text, got, want)
		}
	}
}

func TestNumbersAsOptionsKeepTheirSigns(t *testing.T) {
	q := question(t, choice.Either, "-1", "1", "1.5", `\frac{1}{2}`)
	for text, want := range map[string]string{"-1": "A", "1": "B", "1.5": "C", "\u22121": "A", `$\frac{1}{2}$`: "D", "1 or 1.5": "answer-ambiguous"} {
		if got := read(q.Answer(text)); got != want {
			t.Errorf("%q reads as %s, want %s", text, got, want)
		}
	}
}

func TestOptionsThatReadLikeLetters(t *testing.T) {
	q := question(t, choice.Either, "b", "c", "a")
	if got := read(q.Answer("b")); got != "answer-ambiguous" { // the letter B is c, the text b is A
		t.Errorf("b reads as %s", got)
	}
	if got := read(q.Gold("B")); got != "B" {
		t.Errorf("the gold B reads as %s; golds are letters", got)
	}
}

func TestGoldIsALetterOrAnOptionsText(t *testing.T) {
	q := question(t, choice.Either, "red", "not red", "blue")
	for text, want := range map[string]string{"B": "B", "(c)": "C", "not red": "B", "Red": "A", "B) not red": "B", "D": "answer-unparsable", "green": "answer-unparsable", "": "answer-unparsable"} {
		if got := read(q.Gold(text)); got != want {
			t.Errorf("gold %q reads as %s, want %s", text, got, want)
		}
	}
}

func TestQuestionsThatCannotBeJudgedAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		options []string
		form    choice.Form
		want    string
	}{
		"one option":           {[]string{"x"}, "", "2 to 26 options"},
		"too many":             {make([]string, 27), choice.Letter, "2 to 26 options"},
		"alike":                {[]string{"Salt", "salt."}, "", "options A and B read the same"},
		"empty":                {[]string{"salt", " "}, "", "option B is empty"},
		"unknown form":         {nil, "number", "answer_form"},
		"text without options": {nil, choice.Text, "needs options"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := choice.New(c.options, c.form); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error that says %q", err, c.want)
			}
		})
	}
	if _, err := choice.New([]string{"same", "same"}, choice.Letter); err != nil {
		t.Errorf("where only letters count, options may read the same: %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"", "B", "B) sodium", "$$$$", "((((", `\text{\text{`, "\xff\xfe", strings.Repeat("(", 5000), "not not"} {
		f.Add(s, "sodium", "potassium")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		q, err := choice.New([]string{a, b}, choice.Either)
		if err != nil {
			return
		}
		l, p := q.Answer(text)
		if (l == "") == (p == choice.None) {
			t.Fatalf("letter %q with problem %q", l, p)
		}
		if l != "" && l != "A" && l != "B" {
			t.Fatalf("letter %q of two options", l)
		}
		if utf8.ValidString(a) && p == choice.None && l == "" {
			t.Fatal("no letter and no problem")
		}
	})
}
