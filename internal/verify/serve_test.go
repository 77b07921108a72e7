package verify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url+"/v1/score", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func scorer(workers int) Scorer { return Scorer{Judge: New(Options{Workers: workers})} }

func service() Service { return Service{Scorer: scorer(0), Metrics: NewMetrics()} }

// untimed takes the times out of an answer.
func untimed(body string) string {
	return regexp.MustCompile(`,"ms":[0-9.e-]+`).ReplaceAllString(body, "")
}

func TestScoreOverHTTP(t *testing.T) {
	server := httptest.NewServer(service().Handler())
	defer server.Close()
	status, body := post(t, server.URL, `{
		"rewards": [{"name": "accuracy", "weight": 2}, {"name": "format", "style": "answer", "from_step": 5}, {"name": "language", "target": "en"}],
		"items": [
			{"id": "0", "domain": "arithmetic", "verifier": "integer", "prompt": "3*4+5=?", "gold": "7", "response": "<think>3*4=2;2+5=7</think><answer>7</answer>"},
			{"id": "1", "domain": "arithmetic", "verifier": "integer", "gold": 7, "response": "8", "split": "train"},
			{"id": "2", "verifier": "integer", "gold": null, "response": "7"},
			{"id": "3", "verifier": "integer", "gold": {"value": 7}, "response": "7"},
			{"id": "4", "verifier": "integer", "gold": "7"},
			{"id": 5}, null, "text", []
		]}`)
	want := `{"items":[` + strings.Join([]string{
		`{"id":"0","verdict":{"label":"correct","answer":"7","verifier":"integer/1"},"rewards":{"accuracy":1,"format":1,"language":1}}`,
		`{"id":"1","verdict":{"label":"wrong","answer":"8","verifier":"integer/1"},"rewards":{"accuracy":0,"format":0,"language":null},"reasons":{"language":"no-thinking"}}`,
		`{"id":"2","verdict":{"label":"unverified","reason":"gold-missing","verifier":"integer/1"},"rewards":{"accuracy":null,"format":0,"language":null},"reasons":{"accuracy":"gold-missing","language":"no-thinking"}}`,
		`{"id":"3","verdict":{"label":"unverified","reason":"malformed-item","verifier":""},"rewards":{"accuracy":null,"format":null,"language":null}}`,
		`{"id":"4","verdict":{"label":"unverified","reason":"malformed-item","verifier":""},"rewards":{"accuracy":null,"format":null,"language":null}}`,
		`{"id":5,"verdict":{"label":"unverified","reason":"malformed-item","verifier":""},"rewards":{"accuracy":null,"format":null,"language":null}}`,
		`{"id":"","verdict":{"label":"unverified","reason":"malformed-item","verifier":""},"rewards":{"accuracy":null,"format":null,"language":null}}`,
		`{"id":"","verdict":{"label":"unverified","reason":"malformed-item","verifier":""},"rewards":{"accuracy":null,"format":null,"language":null}}`,
		`{"id":"","verdict":{"label":"unverified","reason":"malformed-item","verifier":""},"rewards":{"accuracy":null,"format":null,"language":null}}`,
	}, ",") + "]}\n"
	if body = untimed(body); status != http.StatusOK || body != want {
		t.Errorf("status %d\n got %s\nwant %s", status, body, want)
	}
}

// Who asks hears what each response shows; an item that is no row shows nothing.
func TestBehavioursOverHTTP(t *testing.T) {
	server := httptest.NewServer(service().Handler())
	defer server.Close()
	const items = `"rewards": [], "items": [{"id": "0", "verifier": "integer", "gold": "7", "response": "Let me check: 3+4 = 7. Wait, no. Let me try something else."},
		{"id": "1", "verifier": "none", "response": ""}, {"id": "2"}]}`
	var said struct {
		Items []struct {
			Behaviours map[string]int
		}
	}
	for asked, want := range map[string][]bool{`{"behaviours": true, `: {true, true, false}, `{`: {false, false, false}} {
		status, body := post(t, server.URL, asked+items)
		said.Items = nil
		if err := json.Unmarshal([]byte(body), &said); err != nil || status != http.StatusOK || len(said.Items) != 3 {
			t.Fatalf("status %d, %v: %s", status, err, body)
		}
		for i, of := range said.Items {
			if got := len(of.Behaviours) == 4; got != want[i] {
				t.Errorf("%s item %d: %v", asked, i, of.Behaviours)
			}
		}
		if of := said.Items[0].Behaviours; want[0] && (of["verification"] == 0 || of["backtracking"] == 0 || of["subgoals"] != 0) || said.Items[1].Behaviours["verification"] > 0 {
			t.Errorf("%v", said.Items)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	server := httptest.NewServer(Service{Scorer: scorer(0), Body: 4096}.Handler())
	defer server.Close()
	cases := map[string]struct {
		body   string
		status int
		says   string
	}{
		"empty":           {``, 400, "bad-score-request"},
		"not JSON":        {`{"items": [`, 400, "bad-score-request"},
		"no items":        {`{"rewards": []}`, 400, "no items"},
		"items no list":   {`{"items": {}}`, 400, "bad-score-request"},
		"unknown field":   {`{"items": [], "reward": []}`, 400, `unknown field \"reward\"`},
		"unknown reward":  {`{"items": [], "rewards": [{"name": "acuracy"}]}`, 400, `there is no reward \"acuracy\"`},
		"misspelt param":  {`{"items": [], "rewards": [{"name": "format", "styl": "answer"}]}`, 400, `styl`},
		"share over one":  {`{"items": [], "audit": 2}`, 400, "audit is 2"},
		"two documents":   {`{"items": []} {}`, 400, "more after its end"},
		"too large":       {`{"items": ["` + strings.Repeat("x", 8192) + `"]}`, 413, "score-request-too-large"},
		"no items at all": {`{"items": []}`, 200, `{"items":[]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, body := post(t, server.URL, c.body)
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("got %d %s, want %d with %q", status, body, c.status, c.says)
			}
		})
	}
	resp, err := http.Get(server.URL + "/v1/score")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /v1/score: %d", resp.StatusCode)
	}
}

func wanted(t testing.TB, list ...string) []Wanted {
	t.Helper()
	out, err := ReadRewards(raws(list...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOrderHoldsOverManyItems(t *testing.T) {
	const n = 1000
	items := make([]json.RawMessage, n)
	for i := range items {
		items[i] = fmt.Appendf(nil, `{"id":"%d","verifier":"integer","gold":"%d","response":"%d"}`, i, i%2, 1)
	}
	for _, workers := range []int{0, 1, 7} {
		results, err := scorer(workers).ScoreRaw(t.Context(), wanted(t, `{"name": "accuracy"}`), items, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(results) != n {
			t.Fatalf("%d results", len(results))
		}
		for i, res := range results {
			if string(res.ID) != fmt.Sprintf("%q", fmt.Sprint(i)) || (res.Verdict.Label == r1.Correct) != (i%2 == 1) {
				t.Fatalf("workers %d, item %d: %+v", workers, i, res)
			}
		}
	}
}

// serve starts Serve and returns its announced URL and the channel of its end.
func serve(t *testing.T, ctx context.Context, cfg Config) (string, <-chan error) {
	t.Helper()
	out, in := io.Pipe()
	cfg.AnnounceTo = in
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, cfg) }()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(line, &said); err != nil || !strings.HasPrefix(said.URL, "http://127.0.0.1:") {
		t.Fatalf("announced %q: %v", line, err)
	}
	resp, err := http.Get(said.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("healthz: %d", resp.StatusCode)
	}
	return said.URL, ended
}

func TestServeEndsWithItsParent(t *testing.T) {
	parent, agent := io.Pipe()
	_, ended := serve(t, t.Context(), Config{Parent: parent})
	agent.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url, ended := serve(t, ctx, Config{})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("it still answers")
	}
}

func TestServeStaysOnLoopback(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:80", "nonsense"} {
		err := Serve(t.Context(), Config{Listen: listen})
		if e, ok := r1.AsError(err); !ok || e.Name != "listen-not-loopback" {
			t.Errorf("%s: %v", listen, err)
		}
	}
	url, _ := serve(t, t.Context(), Config{})
	err := Serve(t.Context(), Config{Listen: strings.TrimPrefix(url, "http://")})
	if e, ok := r1.AsError(err); !ok || e.Name != "port-in-use" {
		t.Errorf("port in use: %v", err)
	}
}

func FuzzScore(f *testing.F) {
	for _, seed := range []string{
		`{"id":"0","verifier":"integer","gold":"7","response":"<think>a</think><answer>7</answer>"}`,
		`{"id":"0","verifier":"choice","gold":"C","response":"<think>三\\boxed{"}`,
		`{"id":"0","verifier":"integer","gold":"1e999999999","response":"\\frac{1}{0}"}`,
		`{"id":[],"gold":{}}`, `nonsense`, ``, "\xff", `null`,
	} {
		f.Add([]byte(seed), seed)
	}
	rewards := wanted(f, `{"name": "accuracy"}`, `{"name": "format", "style": "boxed"}`, `{"name": "language", "target": "zh"}`)
	f.Fuzz(func(t *testing.T, raw []byte, response string) {
		wrapped, err := json.Marshal(map[string]string{"id": "1", "verifier": "integer", "gold": "7", "response": response})
		if err != nil {
			t.Fatal(err)
		}
		marker := json.RawMessage(`{"id":"last","verifier":"integer","gold":"7","response":"7"}`)
		results, err := scorer(2).ScoreRaw(t.Context(), rewards, []json.RawMessage{raw, wrapped, marker}, 0)
		if err != nil || len(results) != 3 || string(results[1].ID) != `"1"` || string(results[2].ID) != `"last"` || results[2].Verdict.Label != r1.Correct {
			t.Fatalf("results moved: %+v", results)
		}
		for _, res := range results {
			if len(res.Rewards) != len(rewards) {
				t.Fatalf("rewards are missing: %+v", res)
			}
			accuracy := res.Rewards["accuracy"]
			if (res.Verdict.Label == r1.Unverified) != (accuracy == nil) {
				t.Fatalf("%s earned %v", res.Verdict.Label, accuracy)
			}
			if share := res.Rewards["language"]; share != nil && (*share < 0 || *share > 1) {
				t.Fatalf("language share %v", *share)
			}
		}
		if _, err := json.Marshal(results); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkScore(b *testing.B) {
	rewards, judge := wanted(b, `{"name": "accuracy"}`, `{"name": "format"}`, `{"name": "language"}`), scorer(0)
	raw := fmt.Appendf(nil, `{"id":"0","verifier":"integer","gold":"7","response":"<think>%s</think><answer>7</answer>"}`,
		bytes.Repeat([]byte("so 3*4=12 and then, "), 50))
	items := make([]json.RawMessage, 512)
	for i := range items {
		items[i] = raw
	}
	b.SetBytes(int64(len(raw) * len(items)))
	for b.Loop() {
		if _, err := judge.ScoreRaw(b.Context(), rewards, items, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(items))*float64(b.N)/b.Elapsed().Seconds(), "items/s")
}
