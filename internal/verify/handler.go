package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Service is what the verifier serves over HTTP.
type Service struct {
	Scorer
	Metrics *Metrics
	// Programs runs programs for POST /run_code; nil serves none.
	Programs CodeRunner
	// Rewards are those of the adapters for other trainers, which name none; their
	// sum is the reward. Default: accuracy.
	Rewards []Wanted
	// Body bounds the bytes of a request; default 256 MiB.
	Body int64
}

// scoreRequest is the body of POST /v1/score. Items stay raw, so that one that
// is malformed costs itself only.
type scoreRequest struct {
	Rewards []json.RawMessage `json:"rewards"`
	Items   []json.RawMessage `json:"items"`
	Audit   float64           `json:"audit"` // share of the verdicts of tier 0 and 1 that are judged twice
	// Behaviours asks how often each response shows each of the four cognitive behaviours.
	Behaviours bool `json:"behaviours"`
}

type scoreResponse struct {
	Items []Result `json:"items"`
}

// Handler serves the verifier's HTTP interface (docs/verifiers.md).
func (s Service) Handler() http.Handler {
	if s.Body <= 0 {
		s.Body = 256 << 20
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("POST /v1/score", s.score)
	mux.HandleFunc("POST /run_code", s.runCode)
	mux.HandleFunc("POST /openrlhf/get_reward", s.openRLHF)
	mux.HandleFunc("POST /slime", s.slime)
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics.Handler())
	}
	return mux
}

func (s Service) score(w http.ResponseWriter, req *http.Request) {
	var body scoreRequest
	rewards, err := []Wanted(nil), decode(http.MaxBytesReader(w, req.Body, s.Body), &body, true)
	switch {
	case err != nil:
	case body.Items == nil:
		err = errors.New("the request has no items")
	case body.Audit < 0 || body.Audit > 1:
		err = fmt.Errorf("audit is %g, expected a share from 0 to 1", body.Audit)
	default:
		rewards, err = ReadRewards(body.Rewards)
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	results, err := s.ScoreRaw(req.Context(), rewards, body.Items, body.Audit)
	if req.Context().Err() != nil {
		return // nobody waits any more
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	if body.Behaviours {
		countBehaviours(body.Items, results)
	}
	writeJSON(w, http.StatusOK, scoreResponse{Items: results})
}

// decode reads one JSON document. A strict one has no other fields than to has.
func decode(r io.Reader, to any, strict bool) error {
	dec := json.NewDecoder(r)
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(to); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read the request: there is more after its end")
	}
	return nil
}

// errorBody is what a refused request gets.
type errorBody struct {
	Error struct {
		Name   string `json:"name"`
		Detail string `json:"detail"`
		Remedy string `json:"remedy"`
	} `json:"error"`
}

// refuse says what is wrong with a request.
func (s Service) refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	e := &r1.Error{
		Name: "bad-score-request", Detail: err.Error(),
		Remedy: `send {"rewards": [{"name": …}], "items": [{"id", "verifier", "gold", "response", …}]}, as docs/verifiers.md describes`,
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
		e.Name, e.Remedy = "score-request-too-large", fmt.Sprintf("send fewer items at a time: the limit is %d bytes", s.Body)
	}
	writeError(w, status, e)
}

func writeError(w http.ResponseWriter, status int, e *r1.Error) {
	var body errorBody
	body.Error.Name, body.Error.Detail, body.Error.Remedy = e.Name, e.Detail, e.Remedy
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that went away has nobody to tell
}
