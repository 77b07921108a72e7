package lines_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
	"github.com/r1ctl/r1ctl/internal/verify/reward/lines"
)

// lengths rewards the number of characters, and notes the batches.
type lengths struct{ batches []int }

func (l *lengths) Score(_ context.Context, items []reward.Item) ([]reward.Value, error) {
	l.batches = append(l.batches, len(items))
	out := make([]reward.Value, len(items))
	for i, it := range items {
		if n := len(it.Text()); n > 0 {
			out[i] = reward.Value{Reward: float64(n), Known: true}
		} else {
			out[i] = reward.Value{Reason: "empty"}
		}
	}
	return out, nil
}

func TestRowsInOrder(t *testing.T) {
	in := `{"id": "a", "completion": "x"}` + "\n\n" + `{"id": 7, "completion": ""}` + "\n" + `{"id": "half", "completion": ` + "\n" +
		`{"id": "none"}` + "\n" + `{"completion": "xyz"}` + "\r\n" + `{"id": {"n": 1}, "completion": "xy"}`
	want := `{"id":"a","reward":1}
{"id":7,"reward":null,"reason":"empty"}
{"id":null,"reward":null,"reason":"bad-row"}
{"id":"none","reward":null,"reason":"bad-row"}
{"id":null,"reward":3}
{"id":{"n":1},"reward":2}
`
	var out, bad bytes.Buffer
	scorer := &lengths{}
	s := lines.Stream{In: strings.NewReader(in), Out: &out, Batch: 2, Bad: func(line int, err error) { fmt.Fprintf(&bad, "%d: %v\n", line, err) }}
	sum, err := s.Score(t.Context(), scorer)
	if err != nil || out.String() != want || sum != (lines.Summary{Rows: 6, Bad: 2, Unknown: 3}) {
		t.Errorf("%+v, %v, got\n%s", sum, err, out.String())
	}
	if got, want := bad.String(), "4: expected a JSON object\n5: completion is missing\n"; got != want {
		t.Errorf("complaints %q, want %q", got, want)
	}
	if fmt.Sprint(scorer.batches) != "[2 0 2]" {
		t.Errorf("batches %v", scorer.batches)
	}
}

// groups measures lengths and gives each row the size of its group.
type groups struct{}

func (groups) Measure(_ context.Context, items []reward.Item) ([]reward.Measure, error) {
	out := make([]reward.Measure, len(items))
	for i := range out {
		out[i].Verdict = r1.Correct
	}
	return out, nil
}

func (groups) Combine(keys []string, measures []reward.Measure) []reward.Value {
	size := map[string]float64{}
	for _, k := range keys {
		size[k]++
	}
	out := make([]reward.Value, len(measures))
	for i, k := range keys {
		out[i] = reward.Value{Reward: size[k], Known: true}
	}
	return out
}

func TestGroupsMayBeMixed(t *testing.T) {
	in := `{"id": 1, "prompt": "p", "completion": "x"}
{"id": 2, "prompt": "q", "completion": "x"}
not a row
{"id": 3, "prompt": "p", "completion": "x"}
{"id": 4, "prompt": "q", "group": "p", "completion": "x"}
`
	want := `{"id":1,"reward":3}
{"id":2,"reward":1}
{"id":null,"reward":null,"reason":"bad-row"}
{"id":3,"reward":3}
{"id":4,"reward":3}
`
	var out bytes.Buffer
	s := lines.Stream{In: strings.NewReader(in), Out: &out, Batch: 2, Bad: func(int, error) {}}
	if sum, err := s.ScoreGroups(t.Context(), groups{}); err != nil || out.String() != want || sum.Bad != 1 {
		t.Errorf("%+v, %v, got\n%s", sum, err, out.String())
	}
}

// A row without end costs itself only, and a batch of large rows is a small one.
func TestHugeInput(t *testing.T) {
	large := `{"id": 1, "completion": "` + strings.Repeat("y", 1<<20) + `"}` + "\n"
	in := io.MultiReader(
		strings.NewReader(`{"id": "huge", "completion": "`), io.LimitReader(repeat("x"), 64<<20), strings.NewReader("\"}\n"),
		strings.NewReader(`{"id": "small", "completion": "x"}`+"\n"), io.LimitReader(repeat(large), int64(20*len(large))),
	)
	var out, bad bytes.Buffer
	scorer := &lengths{}
	s := lines.Stream{In: in, Out: &out, Batch: 1 << 20, MaxLine: 2 << 20, Bad: func(line int, err error) { fmt.Fprintf(&bad, "%d: %v\n", line, err) }}
	sum, err := s.Score(t.Context(), scorer)
	if err != nil || sum != (lines.Summary{Rows: 22, Bad: 1, Unknown: 1}) || bad.String() != "1: the row is larger than 2097152 bytes\n" {
		t.Errorf("%+v, %v, %s", sum, err, bad.String())
	}
	if want := `{"id":null,"reward":null,"reason":"bad-row"}` + "\n" + `{"id":"small","reward":1}` + "\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("got\n%.200s", out.String())
	}
	if len(scorer.batches) != 2 || scorer.batches[0] > 20 {
		t.Errorf("batches of %v rows of a MiB", scorer.batches)
	}
}

func TestBrokenEnds(t *testing.T) {
	good := `{"id": 1, "completion": "x"}` + "\n"
	s := lines.Stream{In: io.MultiReader(strings.NewReader(good), broken{}), Out: io.Discard, Batch: 1, Bad: func(int, error) {}}
	if _, err := s.Score(t.Context(), &lengths{}); !errors.Is(err, errBroken) {
		t.Errorf("reading: got %v", err)
	}
	s = lines.Stream{In: strings.NewReader(good), Out: broken{}, Batch: 1, Bad: func(int, error) {}}
	if _, err := s.Score(t.Context(), &lengths{}); !errors.Is(err, errBroken) {
		t.Errorf("writing: got %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errBroken }
func (broken) Write([]byte) (int, error) { return 0, errBroken }

// repeat reads a text over and over.
func repeat(text string) io.Reader { return &repeater{text: text} }

type repeater struct {
	text string
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], r.text[r.at:])
		n, r.at = n+c, (r.at+c)%len(r.text)
	}
	return n, nil
}
