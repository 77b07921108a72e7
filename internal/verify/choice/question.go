package choice

import (
	"fmt"
	"slices"
)

// Form says how an answer may be given.
type Form string

// The forms of an answer.
const (
	Letter Form = "letter" // the option's letter
	Text   Form = "text"   // the option's text
	Either Form = "either"
)

// Forms lists them.
func Forms() []Form { return []Form{Letter, Text, Either} }

// MaxOptions is how many options a question may have: one a letter.
const MaxOptions = 26

// Problem says why no option could be read; None means that one was.
type Problem string

// The problems of an answer.
const (
	None       Problem = ""
	Unparsable Problem = "answer-unparsable" // it names no option
	Ambiguous  Problem = "answer-ambiguous"  // it names more than one
)

// Question is what an answer is read against. The zero Question knows the letters only.
type Question struct {
	form    Form
	options []option
}

// option is the text of an option as it is compared.
type option struct {
	words []string
	key   string // words in one
}

// New makes a question. Options are in order, A first; none leaves the letters A to
// Z. An empty form is Either where there are options, else Letter. Options that
// read the same cannot be told apart and are refused where text is an answer.
func New(options []string, form Form) (Question, error) {
	if form == "" {
		form = Either
		if len(options) == 0 {
			form = Letter
		}
	}
	if !slices.Contains(Forms(), form) {
		return Question{}, fmt.Errorf("answer_form %q is none of %v", form, Forms())
	}
	if len(options) == 1 || len(options) > MaxOptions {
		return Question{}, fmt.Errorf("a question has 2 to %d options, this one %d", MaxOptions, len(options))
	}
	if form == Text && len(options) == 0 {
		return Question{}, fmt.Errorf("answer_form %q needs options", form)
	}
	q := Question{form: form}
	for i, text := range options {
		o := newOption(text)
		if form != Letter && o.key == "" {
			return Question{}, fmt.Errorf("option %s is empty", letter(i))
		}
		for j, other := range q.options {
			if form != Letter && other.key == o.key {
				return Question{}, fmt.Errorf("options %s and %s read the same", letter(j), letter(i))
			}
		}
		q.options = append(q.options, o)
	}
	return q, nil
}

// Gold reads the reference answer: a letter, or the whole text of an option. A letter
// that is also another option's text is the letter: that is how golds are written.
func (q Question) Gold(text string) (string, Problem) {
	if l, ok := loneLetter(undress(text)); ok && q.known(l) {
		return l, None
	}
	if l, ok := q.exact(text); ok {
		return l, None
	}
	return q.Answer(text)
}

// Answer reads the final answer of a response: the letter of the option it names.
func (q Question) Answer(text string) (string, Problem) {
	s := undress(text)
	byLetter, why := q.byLetter(s)
	switch q.form {
	case Text:
		return q.byText(s)
	case Letter, "":
		return byLetter, why
	}
	byText, textWhy := q.byText(s)
	switch {
	case why == Ambiguous || textWhy == Ambiguous && byLetter == "":
		return "", Ambiguous
	case byLetter != "" && byText != "" && byLetter != byText:
		return "", Ambiguous // "B) sodium", where B is another thing; or an option that reads like a letter
	case byLetter != "":
		return byLetter, None
	}
	return byText, textWhy
}

// known says whether a letter is one of the options.
func (q Question) known(l string) bool {
	return len(q.options) == 0 || int(l[0]-'A') < len(q.options)
}

func letter(i int) string { return string(rune('A' + i)) }
