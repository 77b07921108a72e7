package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Limits bounds what a request may cost. Zero fields take the default.
type Limits struct {
	Body    int64 // bytes of a request; default 256 MiB
	Workers int   // items judged at once over all requests; default one a core
}

func (l Limits) withDefaults() Limits {
	if l.Body <= 0 {
		l.Body = 256 << 20
	}
	if l.Workers <= 0 {
		l.Workers = runtime.GOMAXPROCS(0)
	}
	return l
}

// scoreRequest is the body of POST /v1/score. Items stay raw, so that one that
// is malformed costs itself only.
type scoreRequest struct {
	Rewards []Reward          `json:"rewards"`
	Items   []json.RawMessage `json:"items"`
}

type scoreResponse struct {
	Items []Result `json:"items"`
}

// Handler serves the verifier's HTTP interface: POST /v1/score and GET /healthz.
func Handler(limits Limits) http.Handler {
	limits = limits.withDefaults()
	// One batch is judged at a time, on every core: batches side by side would
	// finish no earlier, and hold more memory.
	turn := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("POST /v1/score", func(w http.ResponseWriter, req *http.Request) {
		body, failure := decode(http.MaxBytesReader(w, req.Body, limits.Body))
		if failure != nil {
			writeError(w, failure, limits)
			return
		}
		select {
		case turn <- struct{}{}:
		case <-req.Context().Done():
			return
		}
		results := ScoreAll(body.Rewards, body.Items, limits.Workers)
		<-turn
		writeJSON(w, http.StatusOK, scoreResponse{Items: results})
	})
	return mux
}

// decode is strict about the envelope: a misspelt reward parameter must not
// silently change what is rewarded.
func decode(r io.Reader) (*scoreRequest, error) {
	var req scoreRequest
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the request: there is more after its end")
	}
	if req.Items == nil {
		return nil, errors.New("the request has no items")
	}
	if err := CheckRewards(req.Rewards); err != nil {
		return nil, err
	}
	return &req, nil
}

// errorBody is what a refused request gets.
type errorBody struct {
	Error struct {
		Name   string `json:"name"`
		Detail string `json:"detail"`
		Remedy string `json:"remedy"`
	} `json:"error"`
}

func writeError(w http.ResponseWriter, err error, limits Limits) {
	status := http.StatusBadRequest
	e := &r1.Error{
		Name: "bad-score-request", Detail: err.Error(),
		Remedy: `send {"rewards": [{"name": …}], "items": [{"id", "verifier", "gold", "response", …}]}, as docs/job-contract.md describes`,
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
		e.Name, e.Remedy = "score-request-too-large", fmt.Sprintf("send fewer items at a time: the limit is %d bytes", limits.Body)
	}
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
