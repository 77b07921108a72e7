package curate

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
)

func TestRowsKeepWhatNobodyKnows(t *testing.T) {
	res, err := run(t, Job{Params: steps(), Inputs: map[string]Source{"in": lines(
		`{"prompt":"3+4=?","domain":"arithmetic","x":{"deep":[1,2.50,"<b>"]},"id":null}`,
		sampled("a", 3, good, r1.Correct, map[string]any{"note": "kept"}),
	)}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"domain":"arithmetic","id":"2bd877084cc67da3","origin":{"file":"rows.jsonl","line":1,"source":"in"},"prompt":"3+4=?","x":{"deep":[1,2.50,"<b>"]}}`
	if first, _, _ := bytes.Cut(res.data, []byte("\n")); string(first) != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
	origin := res.rows[1]["origin"].(map[string]any)
	if res.rows[1]["note"] != "kept" || origin["model_sha256"] != "abc" || origin["sample"] != 3.0 {
		t.Errorf("got %v", res.rows[1])
	}
	// A dataset that was curated goes through untouched.
	again, err := run(t, Job{Params: steps(), Inputs: map[string]Source{"other": lines(strings.Split(strings.TrimSpace(string(res.data)), "\n")...)}})
	if err != nil || !bytes.Equal(again.data, res.data) {
		t.Errorf("got %s (%v)", again.data, err)
	}
}

func TestMalformedRowsAreCountedByName(t *testing.T) {
	dir := t.TempDir()
	text := strings.Join([]string{
		"\uFEFF" + sampled("a", 0, good, r1.Correct, nil), "", "not json", `[1]`, `{"id":"b"}`, `{"id":7,"prompt":"x"}`,
		sampled("c", 0, good, r1.Correct, map[string]any{"verdict": nil}), "{\"id\":\"d\",\"prompt\":\"\xff\"}", "null",
		sampled("e", 0, good, r1.Correct, nil), // no newline at the end
	}, "\r\n")
	file := filepath.Join(dir, "rows.jsonl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := Path(file)
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Params: steps(`{"do":"correct"}`), Inputs: map[string]Source{"in": source}, MaxMalformed: 0.9}
	res, err := run(t, job)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(res.ids()); got != "[a e]" {
		t.Errorf("kept %s", got)
	}
	want := "[{malformed bad-id 1} {malformed missing-prompt 1} {malformed missing-verdict 1} {malformed not-json 3} {malformed not-utf8 1}]"
	if got := fmt.Sprint(res.funnel.Dropped); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(res.drops) > 0 || len(res.bad) != 7 {
		t.Errorf("%d malformed rows are among the dropped, %d in quarantine", len(res.drops), len(res.bad))
	}
	if d := res.bad[0]; d.File != "rows.jsonl" || d.Line != 3 || d.Source != "in" || d.Reason != "not-json" || !strings.Contains(text, d.Text) {
		t.Errorf("the first malformed row is %+v", d)
	}
	job.MaxMalformed, job.OutDir = 0, ""
	_, err = run(t, job)
	wantError(t, err, "malformed-rows", "7 of 9 rows are malformed (77.8 %, at most 1.0 % may be); the first: in rows.jsonl:3 is not-json")
}

func TestALineThatIsTooLongCostsItselfOnly(t *testing.T) {
	r := io.MultiReader(strings.NewReader(`{"id":"a"}`+"\n"), io.LimitReader(zeros{}, maxLine+2<<20), strings.NewReader("\n"+`{"id":"b"}`))
	var got []string
	err := scanLines("x", r, func(l Line) bool { got = append(got, fmt.Sprint(l.Number, string(l.Raw), l.problem)); return true })
	if err != nil || fmt.Sprint(got) != `[1{"id":"a"} 2too-long 3{"id":"b"}]` {
		t.Errorf("got %q, %v", got, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, rows ...string) string {
		path := filepath.Join(dir, name)
		data := []byte(strings.Join(rows, "\n"))
		if strings.HasSuffix(name, ".gz") {
			var buf bytes.Buffer
			zw := gzip.NewWriter(&buf)
			_, _ = zw.Write(data)
			zw.Close()
			data = buf.Bytes()
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bare := func(id string) string { return `{"id":"` + id + `","prompt":"p` + id + `"}` }
	write("set/b.jsonl", bare("b1"), bare("b2"))
	write("set/a.jsonl.gz", bare("a1"))
	write("set/"+droppedFile, bare("dropped"))
	write("set/funnel.json", "{}")
	input, err := Dir(filepath.Join(dir, "set"))
	if err != nil {
		t.Fatal(err)
	}
	params := fmt.Sprintf(`{"sources":[{"name":"z","address":%q},{"name":"y","address":"s3://bucket/y.jsonl"},{"name":"x","address":"tiny://arithmetic?size=2"}],"steps":[]}`,
		write("z.jsonl.gz", bare("z1")))
	res, err := run(t, Job{
		Params: json.RawMessage(params), Inputs: map[string]Source{"set": input},
		Openers: map[string]Opener{
			"s3": func(_ context.Context, address string) (Source, error) {
				return Stream(address, func(context.Context) (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader(bare("y1"))), nil
				}), nil
			},
			"tiny": func(_ context.Context, address string) (Source, error) {
				rows, err := tinyworld.Open(address)
				return Generated(address, rows), err
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(res.ids()[:5]); got != "[a1 b1 b2 z1 y1]" {
		t.Errorf("read %s", got)
	}
	if got := fmt.Sprint(res.funnel.Sources); got != "[{set  3} {z  1} {y  1} {x  2}]" {
		t.Errorf("sources %s", got)
	}
	// An id that is made up here is the one the tiny world would give.
	tiny := res.rows[slices.IndexFunc(res.rows, func(row map[string]any) bool { return row["domain"] == "arithmetic" })]
	nameless := &row{known: known{domain: tiny["domain"].(string), prompt: tiny["prompt"].(string)}, fields: []jsonField{{name: "prompt", value: encode(tiny["prompt"])}}}
	if nameless.trace(); nameless.id != tiny["id"] {
		t.Errorf("got id %s for %v", nameless.id, tiny)
	}
}

func TestRefusedJobs(t *testing.T) {
	one := map[string]Source{"in": lines(`{"id":"a","prompt":"x"}`)}
	broken := Stream("broken.jsonl", func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("{}\n"), failing{})), nil
	})
	source := func(address string) string {
		return fmt.Sprintf(`{"sources":[{"name":"s","address":%q}],"steps":[]}`, address)
	}
	cases := map[string]struct {
		params      string
		inputs      map[string]Source
		error, says string
	}{
		"unknown key":     {`{"step":[]}`, one, "bad-curate-params", `unknown field "step"`},
		"unknown step":    {`{"steps":[{"do":"corect"}]}`, one, "bad-curate-params", "did you mean correct?"},
		"no step name":    {`{"steps":[{"max":3}]}`, one, "bad-curate-params", "must name a step"},
		"unknown param":   {`{"steps":[{"do":"length","maximum":3}]}`, one, "bad-curate-params", `steps[0] (length): json: unknown field "maximum"`},
		"wrong type":      {`{"steps":[{"do":"length","max":"3"}]}`, one, "bad-curate-params", "length"},
		"hugging face":    {source("hf://a/b"), one, "unsupported-source", "unknown scheme hf://"},
		"unknown scheme":  {source("gs://a/b"), one, "unsupported-source", "unknown scheme gs://"},
		"no such file":    {source("/no/such/file.jsonl"), one, "source-not-found", "/no/such/file.jsonl"},
		"nothing to read": {`{"steps":[]}`, nil, "bad-curate-params", "nothing to read"},
		"name taken":      {`{"sources":[{"name":"in","address":"x"}],"steps":[]}`, one, "bad-curate-params", "name of an input"},
		"nothing is left": {`{"steps":[{"do":"length","max":3}]}`, map[string]Source{"in": lines(lengths("a", 9)...)}, "no-rows-left", "length (too-long): 1"},
		"no rows came":    {`{"steps":[]}`, map[string]Source{"in": lines()}, "no-rows-left", "no row is left of 0"},
		"a source that breaks is no short source": {`{"steps":[]}`, map[string]Source{"in": broken}, "", "read broken.jsonl: the network is gone"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, Job{Params: json.RawMessage(c.params), Inputs: c.inputs})
			if c.error == "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v", err)
				}
				return
			}
			wantError(t, err, c.error, c.says)
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the network is gone") }

func TestCancelEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	endless := Generated("endless", func(yield func(json.RawMessage) bool) {
		for yield(json.RawMessage(`{"id":"a","prompt":"x"}`)) {
		}
	})
	_, err := Run(ctx, Job{
		Params: steps(`{"do":"shuffle"}`), Inputs: map[string]Source{"in": endless}, OutDir: t.TempDir(),
		Progress: func(rows int) {
			if rows > 1000 {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestEveryRowIsAccountedFor draws jobs at random: run itself checks that the
// funnel, the rows and the drops add up.
func TestEveryRowIsAccountedFor(t *testing.T) {
	pool := []string{
		`{"do":"correct"}`, `{"do":"finished"}`, `{"do":"format","style":"answer"}`, `{"do":"language"}`, `{"do":"repetition","max":0.2}`,
		`{"do":"length","max":20}`, `{"do":"paragraph","max":30}`, `{"do":"code-block"}`, `{"do":"pass-rate","above":0.2,"below":0.9}`, `{"do":"refine"}`,
		`{"do":"dedup"}`, `{"do":"decontaminate","against":"eval"}`, `{"do":"select","per_prompt":2,"choose":"random"}`, `{"do":"cap","rows":40}`, `{"do":"shuffle"}`,
		`{"do":"near-dedup"}`, `{"do":"near-dedup","by":["prompt"]}`, `{"do":"mix","fractions":{"arithmetic":0.5}}`, `{"do":"loop","words":4}`, `{"do":"repeated-lines"}`, `{"do":"truncated"}`,
		`{"do":"readable"}`, `{"do":"leakage"}`, `{"do":"refusal"}`, `{"do":"pii"}`, `{"do":"paraphrase","against":"eval","words":1}`,
		`{"do":"decontaminate","against":"eval","normalize":"full"}`, `{"do":"decontaminate","against":"eval","compat":"open-r1","ngram":2}`,
		`{"do":"behaviours","max":{"verification":0}}`, `{"do":"behaviours","mark":"shown"}`, `{"do":"behaviours","targets":{"reflective":9},"short":"allow"}`,
	}
	for seed := range 40 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		var chosen []string
		for range rnd.IntN(8) {
			chosen = append(chosen, pool[rnd.IntN(len(pool))])
		}
		job := Job{
			Params: steps(chosen...), Seed: int64(seed), MaxMalformed: 1,
			Inputs: map[string]Source{"rows": anything(uint64(seed)), "eval": lines(`{"id":"e","prompt":"what is p3?"}`)},
		}
		job.Workers = 1
		one, err := run(t, job)
		if e, ok := r1.AsError(err); err != nil && (!ok || e.Name != "no-rows-left") {
			t.Fatalf("seed %d, %s: %v", seed, chosen, err)
		}
		job.Workers, job.Memory = 4, 1 // and with the index on disk
		two, _ := run(t, job)
		if !bytes.Equal(one.data, two.data) || !bytes.Equal(encode(one.drops), encode(two.drops)) || !bytes.Equal(encode(one.funnel), encode(two.funnel)) {
			t.Fatalf("seed %d, %s: with more workers and less memory the run is another", seed, chosen)
		}
	}
}

// anything is a source of rows good and bad, the same for equal seeds.
func anything(seed uint64) Source {
	var rows iter.Seq[json.RawMessage] = func(yield func(json.RawMessage) bool) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		for i := range 300 {
			response := []string{good, "<think>三 wait wait wait wait wait wait wait</think><answer>7</answer>", "7", "<think>```\n```</think>\\boxed{7}"}[rnd.IntN(4)]
			row := sampled(fmt.Sprintf("p%d", rnd.IntN(12)), i, response, []r1.Label{r1.Correct, r1.Wrong, r1.Unverified}[rnd.IntN(3)],
				map[string]any{"finish": []string{"stop", "length"}[rnd.IntN(2)], "tokens": rnd.IntN(30)})
			switch rnd.IntN(20) {
			case 0:
				row = row[:rnd.IntN(len(row))]
			case 1:
				row = `{"prompt":"bare"}`
			}
			if !yield(json.RawMessage(row)) {
				return
			}
		}
	}
	return Generated("anything", rows)
}

func BenchmarkRun(b *testing.B) {
	var rows []string
	for i := range 2000 {
		thinking := strings.Repeat(fmt.Sprintf("so step %d is 3*4=12, and then we check it again. ", i), 40)
		rows = append(rows, sampled(fmt.Sprintf("p%d", i/4), i%4, "<think>"+thinking+"</think><answer>7</answer>", r1.Correct, nil))
	}
	size := 0
	for _, row := range rows {
		size += len(row)
	}
	eval := lines(`{"id":"e","prompt":"what is it that we are to find out about these seven red balls?"}`)
	for name, list := range map[string]string{
		"none": ``, "correct": `{"do":"correct"}`, "format": `{"do":"format"}`, "language": `{"do":"language"}`, "repetition": `{"do":"repetition","max":1.0}`,
		"paragraph": `{"do":"paragraph","max":100000}`, "dedup": `{"do":"dedup"}`, "decontaminate": `{"do":"decontaminate","against":"eval"}`,
		"select": `{"do":"select","per_prompt":4}`, "shuffle": `{"do":"shuffle"}`,
		"all": `{"do":"correct"},{"do":"format"},{"do":"language"},{"do":"repetition","max":1.0},{"do":"dedup"},{"do":"decontaminate","against":"eval"},{"do":"select","per_prompt":4},{"do":"shuffle"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := Run(b.Context(), Job{Params: steps(list), OutDir: b.TempDir(), Inputs: map[string]Source{"rows": lines(rows...), "eval": eval}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
