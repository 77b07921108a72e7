package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// audit is the share of the verdicts of mathematics that get a second opinion, as
// the trainer asks for.
const audit = 0.02

// outages are the reasons of an item that could be judged if the service, or a part
// of it, were well.
var outages = []string{"verifier-unavailable", "verifier-crash", "sandbox-fault", "cancelled", "endpoint-outage"}

// reward is one that is asked for, as far as a generator must know it.
type reward struct {
	name    string
	domains []string // none: all
}

// judgement is what the service says of one response.
type judgement struct {
	Verdict json.RawMessage     `json:"verdict"`
	Rewards map[string]*float64 `json:"rewards"`
	Audit   json.RawMessage     `json:"audit"`
}

func (j judgement) label() (label r1.Label, reason string) {
	var v r1.Verdict
	_ = json.Unmarshal(j.Verdict, &v) // without one it is not verified
	return v.Label, v.Reason
}

// judge asks the verifier service (docs/verifiers.md). A fault of the service is
// never a wrong answer: it is waited for, and after patience the job ends.
type judge struct {
	url      string
	rewards  []reward
	raw      []json.RawMessage // as the service wants them
	client   *http.Client
	pause    time.Duration // the first one, before asking again
	patience time.Duration

	mu   sync.Mutex
	lost int // prompts in a row that were taken without a verdict
}

func newJudge(j *job) (*judge, error) {
	v := &judge{url: strings.TrimRight(j.RewardURL, "/") + "/v1/score", pause: time.Second, patience: 30 * time.Minute}
	for _, raw := range j.params.Rewards {
		var r struct {
			Name    string   `json:"name"`
			Domains []string `json:"domains"`
		}
		fields := map[string]json.RawMessage{}
		if err := errors.Join(json.Unmarshal(raw, &r), json.Unmarshal(raw, &fields)); err != nil || r.Name == "" {
			return nil, misfit("params.rewards: %s is no reward", raw)
		}
		for _, ours := range []string{"weight", "domains", "from_step"} {
			delete(fields, ours)
		}
		v.rewards = append(v.rewards, reward{r.Name, r.Domains})
		v.raw = append(v.raw, encode(fields))
	}
	// Loopback or a site's own address: a proxy of the environment must not come between.
	v.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: judges}, Timeout: 5 * time.Minute}
	return v, nil
}

// byDomain are the verifiers of rows that name none, as in package verify.
var byDomain = map[string]string{"math": "math", "code": "code", "choice": "choice", "science": "choice", "stem": "choice"}

func verifierOf(r *row) string {
	if v := r.text("verifier"); v != "" {
		return v
	}
	if v := byDomain[r.text("domain")]; v != "" {
		return v
	}
	return "none"
}

// applies says whether a reward counts for a row.
func (w reward) applies(r *row) bool {
	if w.name == "accuracy" && verifierOf(r) == "none" {
		return false
	}
	return len(w.domains) == 0 || slices.Contains(w.domains, r.text("domain"))
}

// unsent are fields of a row that say nothing of the problem.
var unsent = append([]string{"split", "greedy", "of"}, slices.DeleteFunc(slices.Clone(sampled), func(name string) bool {
	return name == "response" || name == "tokens"
})...)

// item is a row as the service is asked about it.
func item(id int, r *row) json.RawMessage {
	out := &row{values: map[string]json.RawMessage{}}
	for _, name := range r.names {
		if !slices.Contains(unsent, name) {
			out.put(name, r.values[name])
		}
	}
	out.set("id", fmt.Sprint(id))
	out.set("verifier", verifierOf(r))
	raw, err := out.MarshalJSON()
	if err != nil {
		return json.RawMessage("{}") // malformed, and so unverified
	}
	return raw
}

// of judges the responses to one prompt: rewards of a group compare them.
func (v *judge) of(ctx context.Context, answered []*row) ([]judgement, error) {
	items := make([]json.RawMessage, len(answered))
	for i, r := range answered {
		items[i] = item(i, r)
	}
	body := encode(map[string]any{"rewards": v.raw, "items": items, "audit": audit})
	began, pause := time.Now(), v.pause
	for tries := 1; ; tries++ {
		got, err := v.ask(ctx, body, len(items))
		problem := ""
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(err, new(*Failure)):
			return nil, err
		case err != nil:
			problem = err.Error()
		default:
			if problem = away(got); problem == "" || v.accept(tries) {
				if problem == "" {
					v.found()
				}
				return got, nil
			}
		}
		if time.Since(began) > v.patience {
			return nil, &Failure{Class: r1.ClassInfrastructure, Err: &r1.Error{Name: "verifier-outage",
				Detail: fmt.Sprintf("the verifier service gave no verdict for %s: %s", v.patience, problem),
				Remedy: "nothing to do, unless it happens again: then see the attempt's log, and r1ctl doctor on the machine of the job"}}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		pause = min(2*pause, time.Minute)
	}
}

// away says which outage took a verdict; empty is none.
func away(got []judgement) string {
	for _, j := range got {
		if label, reason := j.label(); label == r1.Unverified && slices.Contains(outages, reason) {
			return reason
		}
	}
	return ""
}

const (
	triesAlone = 3 // of a prompt whose verdict an outage takes while others get theirs
	lostInARow = 8 // prompts: from then on everybody waits
)

// accept says whether a prompt goes on without its verdict: a problem that crashes
// its verifier must not hold a job, and an outage must not empty it of verdicts.
func (v *judge) accept(tries int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if tries < triesAlone || v.lost >= lostInARow {
		return false
	}
	v.lost++
	return true
}

func (v *judge) found() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lost = 0
}

// ask sends one request, with a few quick tries.
func (v *judge) ask(ctx context.Context, body []byte, n int) ([]judgement, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, v.url, body)
	if err != nil {
		return nil, fmt.Errorf("ask the verifier: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := &retryablehttp.Client{HTTPClient: v.client, RetryMax: 3, RetryWaitMin: v.pause / 2, RetryWaitMax: 5 * time.Second,
		CheckRetry: retryablehttp.DefaultRetryPolicy, Backoff: retryablehttp.DefaultBackoff, ErrorHandler: retryablehttp.PassthroughErrorHandler}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the verifier: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the verifier's answer: %w", err)
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout || resp.StatusCode >= 500:
		return nil, fmt.Errorf("the verifier says %s", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return nil, &Failure{Class: r1.ClassConfig, Err: &r1.Error{Name: "verifier-request",
			Detail: fmt.Sprintf("the verifier refused the request (%d): %s", resp.StatusCode, bytes.TrimSpace(raw[:min(len(raw), 500)])),
			Remedy: "correct the stage's rewards; with site.verifier_url, run the same r1ctl version there"}}
	}
	return matched(raw, n)
}

// matched pairs results with items by id: exactly one each, or the answer is none.
func matched(raw []byte, n int) ([]judgement, error) {
	var answer struct {
		Items []struct {
			ID string `json:"id"`
			judgement
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("read the verifier's answer: %w", err)
	}
	out, seen := make([]judgement, n), make([]bool, n)
	for _, it := range answer.Items {
		var i int
		if _, err := fmt.Sscan(it.ID, &i); err != nil || i < 0 || i >= n || seen[i] || len(it.Verdict) == 0 {
			return nil, fmt.Errorf("the verifier's answer has a result for %q, which it was not asked about once", it.ID)
		}
		out[i], seen[i] = it.judgement, true
	}
	if slices.Contains(seen, false) {
		return nil, fmt.Errorf("the verifier gave %d results for %d items", len(answer.Items), n)
	}
	return out, nil
}
