package outside

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// Endpoint is a reward behind HTTP: POST {"items": [row, …]} is answered by
// {"rewards": [number or null, …]}, one an item, in order.
type Endpoint struct {
	counts
	url     string
	timeout time.Duration
	client  *retryablehttp.Client
}

// NewEndpoint takes the parameters of a reward named url.
func NewEndpoint(p reward.Params) *Endpoint {
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax = 5
	client.RetryWaitMin, client.RetryWaitMax = 200*time.Millisecond, 5*time.Second
	// The last answer, of whatever status, comes back as it is.
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	address, _ := p[reward.URL].(string)
	return &Endpoint{url: address, timeout: deadline(p), client: client}
}

func deadline(p reward.Params) time.Duration {
	seconds, _ := p[reward.Timeout].(float64)
	return time.Duration(seconds * float64(time.Second))
}

// Score asks for the rewards of items. Refused connections and 5xx are tried
// again within the deadline; after that the rewards are unknown.
func (e *Endpoint) Score(ctx context.Context, items []reward.Item) []reward.Value {
	if len(items) == 0 {
		return nil
	}
	return e.note(e.score(ctx, items))
}

func (e *Endpoint) score(ctx context.Context, items []reward.Item) []reward.Value {
	within, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	raw, reason := e.post(within, items)
	switch {
	case reason == "":
		return values(raw, len(items))
	case ctx.Err() != nil:
		reason = ReasonCancelled
	case within.Err() != nil:
		reason = ReasonTimeout
	}
	return unknown(len(items), reason)
}

func (e *Endpoint) post(ctx context.Context, items []reward.Item) (rewards []json.RawMessage, reason string) {
	rows := make([]map[string]json.RawMessage, len(items))
	for i, it := range items {
		rows[i] = maps.Clone(it.Row)
		if rows[i] == nil {
			rows[i] = map[string]json.RawMessage{}
		}
		if completion, err := completionOf(it); err == nil {
			rows[i]["completion"] = completion
		}
	}
	body, err := json.Marshal(map[string]any{"items": rows})
	if err != nil {
		return nil, ReasonMalformed
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, e.url, body)
	if err != nil {
		return nil, ReasonOutage
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, ReasonOutage
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return nil, ReasonOutage
	case resp.StatusCode != http.StatusOK:
		return nil, ReasonRefused
	}
	var answer struct {
		Rewards []json.RawMessage `json:"rewards"`
	}
	if err := readJSON(resp.Body, len(items), &answer); err != nil {
		if errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)) || errors.Is(err, errTooLarge) {
			return nil, ReasonMalformed
		}
		return nil, ReasonOutage
	}
	return answer.Rewards, ""
}

var errTooLarge = errors.New("the answer is larger than so many rewards can be")

// readJSON reads an answer that has so many numbers.
func readJSON(r io.Reader, numbers int, to any) error {
	limit := answerLimit(numbers)
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(raw)) > limit {
		return errTooLarge
	}
	return json.Unmarshal(bytes.TrimSpace(raw), to)
}

// answerLimit bounds an answer by what so many numbers, and a message, can take.
func answerLimit(numbers int) int64 { return 1<<16 + 64*int64(numbers) }

// completionOf is the completion as the row has it, or as the item does.
func completionOf(it reward.Item) (json.RawMessage, error) {
	for _, name := range []string{"completion", "response"} {
		if raw, ok := it.Row[name]; ok && !bytes.Equal(raw, []byte("null")) {
			return raw, nil
		}
	}
	if len(it.Completion) == 1 {
		return json.Marshal(it.Completion[0].Content)
	}
	return json.Marshal(it.Completion)
}
