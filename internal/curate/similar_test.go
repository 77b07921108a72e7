package curate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/embed"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// scriptedVector knows what texts are about by one word each; no model is behind it.
func scriptedVector(text string) []float32 {
	switch {
	case strings.Contains(text, "train"):
		return []float32{1, 0, 0.1}
	case strings.Contains(text, "locomotive"): // the same, said otherwise
		return []float32{1, 0.1, 0.2}
	}
	return []float32{0, 1, 1}
}

// embedders opens a scripted endpoint.
func embedders(t *testing.T, server *scripted.Embeddings, root string) Embedders {
	return func(endpoint string, m embed.Model) (Embedder, error) {
		if endpoint != "here" {
			t.Errorf("the endpoint is %q", endpoint)
		}
		client, err := chat.New(chat.Config{URL: server.URL, Pause: time.Millisecond, Patience: time.Second, Timeout: time.Second})
		if err != nil {
			return nil, err
		}
		return embed.New(m, client, root, 2)
	}
}

func similarStep(more string) json.RawMessage {
	return steps(`{"do":"similar","against":"bench","endpoint":"here","model":"scripted"` + more + `}`)
}

func similarJob(t *testing.T, server *scripted.Embeddings, root, more string) Job {
	return Job{
		Params: similarStep(more), Embedders: embedders(t, server, root),
		Inputs: map[string]Source{"rows": lines(
			`{"id":"a","prompt":"How fast is a locomotive that goes 240 km in 3 hours?"}`, `{"id":"b","prompt":"Describe water."}`,
			`{"id":"c","prompt":"How fast is a locomotive that goes 240 km in 3 hours?"}`, `{"id":"d","prompt":"forbidden words"}`,
		)},
		Compared: map[string]Source{"bench": lines(near)},
	}
}

func refusing(r scripted.EmbeddingRequest) scripted.Reply {
	for _, text := range r.Input {
		if strings.Contains(text, "forbidden") {
			return scripted.Error(400, "content_filter", "no")
		}
	}
	if r.Count == 1 {
		return scripted.Reply{Status: 429, Raw: "{}"}
	}
	return scripted.Reply{}
}

// A row that is like a benchmark's says so in its record, one that cannot be checked does not
// pass, and a second run gives the same bytes and asks only about what was refused.
func TestSimilarRowsAreDropped(t *testing.T) {
	server, root := scripted.NewEmbeddings(t, scriptedVector, refusing), t.TempDir()
	var first result
	for i := range 2 {
		job := similarJob(t, server, root, "")
		job.Workers = i + 1
		res, err := run(t, job)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(res.ids(), res.dropped()); got != "[b] [a similar similar c similar similar d similar unverified:refused]" {
			t.Errorf("kept and dropped %s", got)
		}
		for _, d := range res.drops {
			if like := string(d.Like); d.ID != "d" && like != `{"cosine":0.99,"dataset":"bench","prompt":"A train travels 240 km in 3 hours. What is its average speed in km per hour?"}` || d.ID == "d" && like != "" {
				t.Errorf("%s is like %s", d.ID, like)
			}
		}
		if got := fmt.Sprint(res.funnel.Asked); got != "[{similar scripted 4}]" {
			t.Error(got)
		}
		if i > 0 && string(first.data) != string(res.data) {
			t.Error("a second run gave other bytes")
		}
		first = res
	}
	for text, n := range server.Paid() {
		if n != 1 {
			t.Errorf("%q was paid for %d times", text, n)
		}
	}
}

// With keep near the others go, and what is left are questions as nearest makes them.
func TestSimilarRowsBecomeQuestions(t *testing.T) {
	server := scripted.NewEmbeddings(t, scriptedVector, refusing)
	res, err := run(t, similarJob(t, server, t.TempDir(), `,"keep":"near"`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(res.ids(), res.dropped()); got != "[a c] [b similar far d similar unverified:refused]" {
		t.Fatal(got)
	}
	for _, r := range res.rows {
		if !strings.Contains(near, r["other"].(string)) || r["verifier"] != "none" || r["asked"].(map[string]any)["nearness"] != 0.99 {
			t.Errorf("asked as %v", r)
		}
	}
	back := answers(t, []string{`{"do":"same-problem"}`}, answered(res.rows[0], 0, `{"problem":"same"}`), answered(res.rows[1], 0, `{"problem":"different"}`))
	if got := fmt.Sprint(back.ids(), back.dropped()); got != "[c] [a same-problem same-problem]" {
		t.Error(got)
	}
}

// Nothing passes because nobody could be asked.
func TestSimilarFails(t *testing.T) {
	always := func(reply scripted.Reply) func(scripted.EmbeddingRequest) scripted.Reply {
		return func(scripted.EmbeddingRequest) scripted.Reply { return reply }
	}
	after := func(n int, reply scripted.Reply) func(scripted.EmbeddingRequest) scripted.Reply {
		return func(r scripted.EmbeddingRequest) scripted.Reply {
			if r.Count > n {
				return reply
			}
			return scripted.Reply{}
		}
	}
	down := scripted.Reply{Status: 503, Raw: "down"}
	cases := map[string]struct {
		script func(scripted.EmbeddingRequest) scripted.Reply
		vector func(string) []float32
		name   string
	}{
		"the endpoint is away":            {always(down), scriptedVector, "endpoint-outage"},
		"it goes away between":            {after(1, down), scriptedVector, "endpoint-outage"},
		"a benchmark's prompt is refused": {always(scripted.Error(400, "content_filter", "no")), scriptedVector, "benchmark-refused"},
		"vectors of two sizes": {nil, func(text string) []float32 {
			if strings.Contains(text, "train") {
				return []float32{1, 0}
			}
			return []float32{1, 0, 0}
		}, "embedding-size"},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			server := scripted.NewEmbeddings(t, c.vector, c.script)
			res, err := run(t, similarJob(t, server, t.TempDir(), ""))
			if e, ok := r1.AsError(err); !ok || e.Name != c.name || len(res.rows) > 0 {
				t.Errorf("got %v and %d rows, want %s", err, len(res.rows), c.name)
			}
		})
	}
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := scripted.NewEmbeddings(t, scriptedVector, func(scripted.EmbeddingRequest) scripted.Reply { cancel(); return down })
		job := similarJob(t, server, t.TempDir(), "")
		job.OutDir = t.TempDir()
		if _, err := Run(ctx, job); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("no endpoints", func(t *testing.T) {
		job := similarJob(t, nil, "", "")
		job.Embedders = nil
		_, err := run(t, job)
		wantError(t, err, "bad-curate-params", "similar")
	})
}

func TestEndpointsOfSteps(t *testing.T) {
	if got := Endpoints(similarStep("")); fmt.Sprint(got) != "[here]" {
		t.Error(got)
	}
	if got := Endpoints(steps(`{"do":"correct"}`)); got != nil {
		t.Error(got)
	}
}
