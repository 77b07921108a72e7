package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// CodeRunner runs a program as SandboxFusion does; *program.Judge has it.
type CodeRunner interface {
	RunCode(ctx context.Context, q program.RunCodeRequest) program.RunCodeResult
}

// runCode is SandboxFusion's POST /run_code. Trouble of the sandbox is its own
// status, SandboxError, which clients try again.
func (s Service) runCode(w http.ResponseWriter, req *http.Request) {
	var q program.RunCodeRequest
	if err := decode(http.MaxBytesReader(w, req.Body, s.Body), &q, false); err != nil {
		s.refuse(w, err)
		return
	}
	if s.Programs == nil {
		writeJSON(w, http.StatusOK, program.RunCodeResult{Status: "SandboxError", Message: "this service runs no programs"})
		return
	}
	writeJSON(w, http.StatusOK, s.Programs.RunCode(req.Context(), q))
}

// openRLHF is OpenRLHF's remote reward. query is prompt and response in one.
func (s Service) openRLHF(w http.ResponseWriter, req *http.Request) {
	var q struct {
		Query   []string          `json:"query"`
		Prompts []string          `json:"prompts"`
		Labels  []json.RawMessage `json:"labels"`
	}
	err := decode(http.MaxBytesReader(w, req.Body, s.Body), &q, false)
	switch {
	case err != nil:
	case len(q.Prompts) != len(q.Query) || len(q.Labels) != len(q.Query):
		err = fmt.Errorf("query, prompts and labels have %d, %d and %d entries, expected as many of each", len(q.Query), len(q.Prompts), len(q.Labels))
	}
	items := make([]reward.Item, len(q.Query))
	for i := 0; i < len(q.Query) && err == nil; i++ {
		response, ok := strings.CutPrefix(q.Query[i], q.Prompts[i])
		if !ok {
			err = fmt.Errorf("query[%d] does not begin with prompts[%d]", i, i)
			break
		}
		items[i], err = labelled(q.Prompts[i], response, q.Labels[i])
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	sums, logs, ok := s.sums(w, req, items)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"rewards": sums, "scores": sums, "extra_logs": logs})
}

// slime is slime's remote reward model: one sample, answered by a number.
func (s Service) slime(w http.ResponseWriter, req *http.Request) {
	var q struct {
		Prompt   json.RawMessage `json:"prompt"`
		Response *string         `json:"response"`
		Label    json.RawMessage `json:"label"`
	}
	err := decode(http.MaxBytesReader(w, req.Body, s.Body), &q, false)
	if err == nil && q.Response == nil {
		err = errors.New("the sample has no response")
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	prompt := string(q.Prompt)
	_ = json.Unmarshal(q.Prompt, &prompt) // chat messages stay as they are
	it, err := labelled(prompt, *q.Response, q.Label)
	if err != nil {
		s.refuse(w, err)
		return
	}
	if sums, _, ok := s.sums(w, req, []reward.Item{it}); ok {
		writeJSON(w, http.StatusOK, sums[0])
	}
}

// labelled makes an item of another trainer's sample. A label is the gold answer,
// or an object with fields of a row (also as text): gold, verifier, verification_info, …
func labelled(prompt, response string, label json.RawMessage) (reward.Item, error) {
	row := map[string]any{}
	var text string
	switch {
	case json.Unmarshal(label, &row) == nil && row != nil:
	case json.Unmarshal(label, &text) == nil && json.Unmarshal([]byte(text), &row) == nil && row != nil:
	default:
		row = map[string]any{}
		if len(label) > 0 && string(label) != "null" {
			row["gold"] = label
		}
	}
	row["prompt"], row["completion"] = prompt, response
	raw, err := json.Marshal(row)
	if err != nil {
		return reward.Item{}, fmt.Errorf("read a sample: %w", err)
	}
	it, err := reward.ParseRow(raw)
	if err != nil {
		return it, fmt.Errorf("read a sample: %w", err)
	}
	return it, nil
}

// sums adds up the service's rewards for each item. An item that lacks one is no 0:
// the request fails, and is answered here.
func (s Service) sums(w http.ResponseWriter, req *http.Request, items []reward.Item) (sums []float64, logs map[string][]*float64, ok bool) {
	rewards := s.Rewards
	if len(rewards) == 0 {
		accuracy, err := NewWanted("accuracy", nil, nil)
		if err != nil {
			s.refuse(w, err)
			return nil, nil, false
		}
		rewards = []Wanted{accuracy}
	}
	results, err := s.Score(req.Context(), rewards, items, 0)
	if req.Context().Err() != nil {
		return nil, nil, false
	}
	if err != nil {
		s.refuse(w, err)
		return nil, nil, false
	}
	sums, logs = make([]float64, len(items)), map[string][]*float64{}
	missing, reason, again := 0, "", false
	for i, res := range results {
		lacks := false
		for _, r := range rewards {
			value := res.Rewards[r.Name]
			logs[r.Name] = append(logs[r.Name], value)
			if value == nil {
				if why := res.Reasons[r.Name]; r.applies(items[i].Domain) {
					lacks, reason, again = true, why, again || !lasting(why)
				}
				continue
			}
			sums[i] += *value
		}
		if lacks {
			missing++
		}
	}
	if missing == 0 {
		return sums, logs, true
	}
	e := &r1.Error{
		Name: "unverified", Detail: fmt.Sprintf("%d of %d samples have no reward, such as for %s", missing, len(items), reason),
		Remedy: "docs/verifiers.md explains the reason: after an outage ask again, else give the samples what they lack, or leave them out",
	}
	status := http.StatusUnprocessableEntity
	if again {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	writeError(w, status, e)
	return nil, nil, false
}
