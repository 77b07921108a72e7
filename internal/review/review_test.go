package review

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func rows(n int) []Row {
	var out []Row
	for i := range n {
		sample := i % 3
		out = append(out, Row{ID: fmt.Sprint("p", i/3), Sample: &sample, Prompt: fmt.Sprint("what is ", i/3), Response: fmt.Sprint("r", i)})
	}
	return out
}

func batch(n int, seed int64, list []Row) *Batch {
	b := NewBatch(n, seed)
	for _, r := range list {
		b.Show(r)
	}
	return b
}

func TestABatchDependsOnRowsAndSeedOnly(t *testing.T) {
	list := rows(300)
	ids := func(b *Batch) string {
		var out []string
		for _, r := range b.Rows() {
			out = append(out, r.Response)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	first := ids(batch(20, 1, list))
	if n := len(strings.Fields(first)); n != 20 {
		t.Fatalf("%d rows, want 20", n)
	}
	turned := slices.Clone(list)
	slices.Reverse(turned)
	if ids(batch(20, 1, turned)) != first || ids(batch(20, 1, append(turned, list...))) != first {
		t.Error("the order of the rows, or a row that is there twice, changes the batch")
	}
	if ids(batch(20, 2, list)) == first {
		t.Error("another seed gives the same batch")
	}
	if n := len(batch(0, 1, list).Rows()); n != 300 {
		t.Errorf("all are %d rows, want 300", n)
	}
}

// edit exports two rows, changes the text and reads it.
func edit(t *testing.T, old, new string) (Review, error) {
	t.Helper()
	b := batch(0, 1, rows(2))
	var file bytes.Buffer
	if err := Write(&file, b.Rows()); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(file.String(), old, new, 1)
	if old != "" && text == file.String() {
		t.Fatalf("%q is not in %s", old, text)
	}
	return Read("batch.jsonl", strings.NewReader(text), b)
}

const empty = `"review":{"decision":"","reason":""}`

func TestWhatAPersonSays(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     Review
	}{
		"nothing yet": {"", "", Review{Open: 2}},
		"accepted":    {empty, `"review":{"decision":"accept","reason":"fine"}`, Review{Accepted: 1, Open: 1}},
		"rejected":    {empty, `"review":{"decision":"reject","reason":"says we"}`, Review{Rejected: 1, Open: 1}},
	} {
		got, err := edit(t, c.old, c.new)
		got.Rows = nil
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := edit(t, `"response":"r0","digest":"`+Digest("r0")+`",`+empty, `"response":"better","digest":"`+Digest("r0")+`","review":{"decision":"edit","reason":""}`)
	if err != nil || got.Edited != 1 || got.Rows[0].Response != "better" {
		t.Errorf("edited: %+v, %v", got, err)
	}
}

func TestMistakesAreToldByLine(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"another word":          {empty, `"review":{"decision":"acept","reason":""}`, `batch.jsonl:1: review.decision is "acept", expected one of accept, reject, edit; did you mean "accept"?`},
		"no reason":             {empty, `"review":{"decision":"reject","reason":" "}`, "batch.jsonl:1: review.reason is empty"},
		"a long reason":         {empty, `"review":{"decision":"reject","reason":"` + strings.Repeat("x", 81) + `"}`, "longer than 80 characters"},
		"changed, not said so":  {`"response":"r1"`, `"response":"r2"`, `batch.jsonl:2: the response was changed, and review.decision is empty: say "edit"`},
		"said so, not changed":  {empty, `"review":{"decision":"edit","reason":""}`, `review.decision is "edit", and the response is as it was`},
		"the prompt":            {`"prompt":"what is 0"`, `"prompt":"what is 1"`, "batch.jsonl:1: the prompt was changed"},
		"another id":            {`"id":"p0"`, `"id":"p9"`, "batch.jsonl:1: the stage has no row of id p9, sample 0"},
		"a key misspelt":        {`"decision":""`, `"decison":""`, `unknown field "decison"; did you mean "decision"?`},
		"of another type":       {`"sample":0`, `"sample":"0"`, "sample is a string, expected int"},
		"cut off":               {`"reason":""}}`, `"reason":""`, "batch.jsonl:1: no row of a batch"},
		"two lines on one line": {"}}\n", "}}", "batch.jsonl:1: expected one JSON object"},
		"twice":                 {`"sample":1,"prompt":"what is 0","response":"r1","digest":"` + Digest("r1"), `"sample":0,"prompt":"what is 0","response":"r0","digest":"` + Digest("r0"), "batch.jsonl:2: the row p0 is in line 1 already"},
	} {
		got, err := edit(t, c.old, c.new)
		e, ok := r1.AsError(err)
		if !ok || e.Name != "review-invalid" || !strings.Contains(e.Detail, c.want) || len(got.Rows) != 0 {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
