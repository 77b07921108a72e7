package review

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Review is a file that a person has worked through, without mistakes.
type Review struct {
	Rows                       []Row // with a decision
	Accepted, Rejected, Edited int
	Open                       int // rows without one
}

// MaxReason is the length of a reason, in characters: the funnel counts by it.
const MaxReason = 80

// most mistakes that an error lists.
const most = 20

// Read reads a file of rows with decisions. name is the file's, in errors: one
// "review-invalid" names every line with a mistake. of says which rows there are;
// nil takes any.
func Read(name string, file io.Reader, of *Batch) (Review, error) {
	var out Review
	var wrong []string
	lines := map[Key]int{}
	scanner := bufio.NewReader(file)
	for number := 1; ; number++ {
		line, err := scanner.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return out, fmt.Errorf("read %s: %w", name, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			row, why := parse(text)
			key := row.Key()
			if first := lines[key]; why == "" && first > 0 {
				why = fmt.Sprintf("the row %s is in line %d already", row.ID, first)
			}
			if why == "" && of != nil {
				why = of.check(&row)
			}
			if why != "" {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %s", name, number, why))
			} else {
				lines[key] = number
				out.add(row)
			}
		}
		if err != nil {
			break
		}
	}
	if len(wrong) > most {
		wrong = append(wrong[:most], fmt.Sprintf("and %d more", len(wrong)-most))
	}
	if len(wrong) > 0 {
		return Review{}, &r1.Error{
			Name: "review-invalid", Detail: strings.Join(wrong, "\n"),
			Remedy: "correct the lines named above and submit the file again: nothing of it was stored",
		}
	}
	return out, nil
}

func (v *Review) add(r Row) {
	switch r.Review.Decision {
	case Accept:
		v.Accepted++
	case Reject:
		v.Rejected++
	case Edit:
		v.Edited++
	default:
		v.Open++
		return
	}
	v.Rows = append(v.Rows, r)
}

// parse reads a line, and says what is wrong with it.
func parse(line []byte) (r Row, why string) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, unreadable(err)
	}
	if dec.More() {
		return r, "expected one JSON object, and there is more behind it"
	}
	changed := Digest(r.Response) != r.Digest
	reason := strings.TrimSpace(r.Review.Reason)
	switch {
	case r.ID == "" || r.Digest == "":
		return r, "id or digest is missing: both stay as they were exported"
	case r.Review.Decision == "" && changed:
		return r, `the response was changed, and review.decision is empty: say "edit"`
	case r.Review.Decision == "" || r.Review.Decision == Accept && !changed:
	case r.Review.Decision == Accept:
		return r, `the response was changed, and review.decision is "accept": say "edit"`
	case r.Review.Decision == Edit && !changed:
		return r, `review.decision is "edit", and the response is as it was: change it, or say "accept"`
	case r.Review.Decision == Edit && strings.TrimSpace(r.Response) == "":
		return r, `the edited response is empty: say "reject", with a reason`
	case r.Review.Decision == Edit:
	case r.Review.Decision == Reject && reason == "":
		return r, "review.reason is empty: a rejected row is counted by its reason"
	case r.Review.Decision == Reject && (utf8.RuneCountInString(reason) > MaxReason || strings.ContainsAny(reason, "\r\n")):
		return r, fmt.Sprintf("review.reason is longer than %d characters or a line: rows are counted by it", MaxReason)
	case r.Review.Decision == Reject && changed:
		return r, `the response was changed, and review.decision is "reject": put it back, or say "edit"`
	case r.Review.Decision == Reject:
		r.Review.Reason = reason
	default:
		names := []string{string(Accept), string(Reject), string(Edit)}
		hint := ""
		if near := suggest.Nearest(string(r.Review.Decision), names); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return r, fmt.Sprintf("review.decision is %q, expected one of %s%s", r.Review.Decision, strings.Join(names, ", "), hint)
	}
	return r, ""
}

// unreadable says of a line why it is no row.
func unreadable(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	known := []string{"id", "sample", "domain", "prompt", "response", "gold", "verdict", "digest", "review", "decision", "reason", "by"}
	if name, ok := strings.CutPrefix(text, "unknown field "); ok {
		if near := suggest.Nearest(strings.Trim(name, `"`), known); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		text = fmt.Sprintf("%s is a %s, expected %s", wrongType.Field, wrongType.Value, wrongType.Type)
	}
	return "no row of a batch: " + text
}

// check says what is wrong with a row of which there should be one like it.
func (b *Batch) check(r *Row) string {
	prompt, ok := b.known[r.Key()]
	switch {
	case !ok:
		return fmt.Sprintf("the stage has no row of id %s%s and digest %s: it is of another run or stage, or id, sample or digest were changed", r.ID, sampleText(r), r.Digest)
	case prompt != promptDigest(r.Prompt):
		return "the prompt was changed: only response and review may be"
	}
	return ""
}

func sampleText(r *Row) string {
	if r.Sample == nil {
		return ""
	}
	return fmt.Sprintf(", sample %d", *r.Sample)
}

// ParseLine reads one line of a review; at says which, in the error.
func ParseLine(at string, line []byte) (Row, error) {
	r, why := parse(line)
	if why != "" {
		return r, &r1.Error{Name: "review-invalid", Detail: at + ": " + why, Remedy: "correct the line"}
	}
	return r, nil
}
