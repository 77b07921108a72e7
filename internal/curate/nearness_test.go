package curate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const near = `{"prompt":"A train travels 240 km in 3 hours. What is its average speed in km per hour?"}`

// Every row goes one of two ways, and one of them comes back as it was.
func TestNearRowsAreAskedAbout(t *testing.T) {
	rows := []string{
		`{"id":"a","prompt":"In 3 hours a train covers a distance of 240 km. What is its speed?","verifier":"integer","gold":"80","origin":{"source":"s"}}`,
		`{"id":"b","prompt":"Describe the water cycle.","verifier":"none"}`,
		sampled("c", 2, "<think>x</think>80", r1.Correct, map[string]any{"prompt": "Compute the average speed of a train that travels 90 km in 2 hours."}),
	}
	compared := map[string]Source{"bench": lines(near, `{"prompt":"What is the capital of France?"}`)}
	ask := func(step string, rows ...string) result {
		t.Helper()
		res, err := run(t, Job{Params: steps(step), Inputs: map[string]Source{"rows": lines(rows...)}, Compared: compared})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	far := ask(`{"do":"nearest","against":"bench","keep":"far"}`, rows...)
	if got := fmt.Sprint(far.dropped()); len(far.rows) != 1 || far.rows[0]["id"] != "b" || got != "[a nearest near c nearest near]" {
		t.Errorf("far: %v, dropped %s", far.rows, got)
	}
	asked := ask(`{"do":"nearest","against":"bench"}`, rows...)
	if got := fmt.Sprint(asked.dropped()); len(asked.rows) != 2 || got != "[b nearest far]" {
		t.Fatalf("near: %v, dropped %s", asked.rows, got)
	}
	for _, r := range asked.rows {
		if !strings.Contains(near, r["other"].(string)) || r["verifier"] != "none" {
			t.Errorf("%v is asked as %v", r["id"], r)
		}
	}
	again := ask(`{"do":"nearest","against":"bench"}`, string(encode(asked.rows[0])), rows[2])
	if got := fmt.Sprint(again.dropped()); got != "[a nearest asked-already]" {
		t.Errorf("asked again: %s", got)
	}

	const same, different = `{"problem":"same"}`, `{"problem":"different"}`
	res := answers(t, []string{`{"do":"same-problem"}`},
		answered(asked.rows[0], 0, different), answered(asked.rows[0], 1, different), answered(asked.rows[1], 0, different))
	if len(res.rows) != 2 {
		t.Fatalf("kept %v, dropped %v", res.rows, res.dropped())
	}
	a, c := res.rows[0], res.rows[1]
	if origin := a["origin"].(map[string]any); a["verifier"] != "integer" || a["gold"] != "80" || a["response"] != nil || a["sample"] != nil || a["verdict"] != nil ||
		a["other"] != nil || a["asked"] != nil || origin["source"] != "s" || origin["judge"] == nil {
		t.Errorf("a prompt comes back as %v", a)
	}
	if c["response"] != "<think>x</think>80" || c["verdict"].(map[string]any)["label"] != "correct" || c["other"] != nil || c["of"] != nil {
		t.Errorf("a response comes back as %v", c)
	}
	res = answers(t, []string{`{"do":"same-problem"}`}, answered(asked.rows[0], 0, same), answered(asked.rows[0], 1, different), answered(asked.rows[1], 0, same), rows[2])
	if got := fmt.Sprint(res.dropped()); got != "[a same-problem merged a same-problem undecided c same-problem not-asked c same-problem same-problem]" {
		t.Error(got)
	}
}

// What was found far may come with the answers, and passes.
func TestFarRowsPassBesideTheAnswers(t *testing.T) {
	asked := func(id, says string) string {
		return `{"id":"` + id + `","prompt":"p ` + id + `","sample":0,"response":"{\"problem\":\"` + says + `\"}","other":"q","asked":{"alone":true},"origin":{"model":"m"}}`
	}
	res := answers(t, []string{`{"do":"same-problem","unasked":"keep"}`}, `{"id":"far","prompt":"p"}`, asked("same", "same"), asked("other", "different"), `{"id":"far-too","prompt":"p"}`,
		`{"id":"forgotten","prompt":"p","verifier":"none","other":"o","asked":{"alone":true}}`)
	if got := fmt.Sprint(res.ids(), res.dropped()); got != "[far other far-too] [forgotten same-problem not-asked same same-problem same-problem]" {
		t.Error(got)
	}
	if r := res.rows[1]; r["response"] != nil || r["origin"].(map[string]any)["judge"] == nil || res.rows[0]["origin"].(map[string]any)["judge"] != nil {
		t.Errorf("%v", res.rows)
	}
}

// The nearest text is the same whatever was asked before, and ties go to the first.
func TestNearest(t *testing.T) {
	n := newNearness()
	var tok tokens
	for _, text := range []string{"red apples and pears", "green apples", "apples green", "one blue whale"} {
		tok.read(text)
		n.add(text, &tok)
	}
	n.seal()
	for _, c := range []struct{ text, want string }{
		{"green apples", "green apples"}, {"5 green apples", "green apples"}, {"pears of red", "red apples and pears"}, {"a whale", "one blue whale"}, {"nothing else", ""}, {"", ""},
	} {
		for range 2 {
			tok.read(c.text)
			if got, near := n.nearest(&tok); got != c.want || (near > 0) != (c.want != "") || near > 1.0000001 {
				t.Errorf("%q: %q, %g; want %q", c.text, got, near, c.want)
			}
		}
	}
}

// BenchmarkNearest looks for questions of 40 words among 20,000, words as often as in a language.
func BenchmarkNearest(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.1, 4, 30_000)
	text := func() string {
		var s strings.Builder
		for range 40 {
			n := zipf.Uint64()
			for s.WriteByte(' '); n > 0 || s.Len() == 0; n /= 20 {
				s.WriteByte("bcdfghjklmnpqrstvwxz"[n%20])
				s.WriteByte('a')
			}
		}
		return s.String()
	}
	n := newNearness()
	var t tokens
	for range 20_000 {
		q := text()
		t.read(q)
		n.add(q, &t)
	}
	n.seal()
	rows := make([]string, 256)
	for i := range rows {
		rows[i] = text()
	}
	b.ResetTimer()
	for i := range b.N {
		t.read(rows[i%len(rows)])
		n.nearest(&t)
	}
}
