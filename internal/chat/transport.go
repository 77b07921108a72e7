package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-cleanhttp"
	"golang.org/x/time/rate"
)

// maxAnswer bounds what is read of an answer: far more than any completion has.
const maxAnswer = 64 << 20

// transport keeps the endpoint's rates, over retries too, and reads answers whole,
// so that one that is cut off or slow counts as a failed try.
type transport struct {
	base     http.RoundTripper
	requests *rate.Limiter // nil: no limit
	tokens   *rate.Limiter
	timeout  time.Duration

	mu   sync.Mutex
	hold time.Time // nobody asks before
}

func newTransport(c Config) *transport {
	base := cleanhttp.DefaultPooledTransport()
	base.MaxIdleConnsPerHost = 256
	t := &transport{base: base, timeout: c.Timeout}
	if c.RequestsPerMinute > 0 {
		t.requests = rate.NewLimiter(rate.Limit(float64(c.RequestsPerMinute)/60), 1)
	}
	if c.TokensPerMinute > 0 {
		t.tokens = rate.NewLimiter(rate.Limit(float64(c.TokensPerMinute)/60), max(1, c.TokensPerMinute/60))
	}
	return t
}

var errSlow = errors.New("it took too long")

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.turn(req.Context()); err != nil {
		return nil, err
	}
	// Waiting for a turn is no part of what an answer takes.
	ctx, cancel := context.WithTimeoutCause(req.Context(), t.timeout, errSlow)
	defer cancel()
	resp, err := t.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, t.why(ctx, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	if err != nil {
		return nil, t.why(ctx, fmt.Errorf("the answer breaks off: %w", err))
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		if wait, ok := retryAfter(resp); ok {
			t.holdUntil(time.Now().Add(wait))
		}
	case t.tokens != nil && resp.StatusCode == http.StatusOK:
		t.charge(took(body))
	}
	return resp, nil
}

func (t *transport) why(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSlow) {
		return fmt.Errorf("no whole answer within %s", t.timeout)
	}
	return err
}

// turn waits until the endpoint may be asked.
func (t *transport) turn(ctx context.Context) error {
	for {
		t.mu.Lock()
		wait := time.Until(t.hold)
		t.mu.Unlock()
		if wait <= 0 {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if t.requests == nil {
		return nil
	}
	return t.requests.Wait(ctx)
}

func (t *transport) holdUntil(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until.After(t.hold) {
		t.hold = until
	}
}

// charge takes the tokens of an answer off the budget, and holds what comes next
// until the rate is kept again.
func (t *transport) charge(tokens int) {
	var wait time.Duration
	now, burst := time.Now(), t.tokens.Burst()
	for tokens > 0 {
		n := min(tokens, burst)
		wait = t.tokens.ReserveN(now, n).DelayFrom(now)
		tokens -= n
	}
	if wait > 0 {
		t.holdUntil(now.Add(wait))
	}
}

// took is how many tokens an answer says it took, 0 where it does not.
func took(body []byte) int {
	var answer struct {
		Usage *struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"` // of embeddings there are none
		} `json:"usage"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Usage == nil {
		return 0
	}
	return max(0, answer.Usage.Prompt) + max(0, answer.Usage.Completion)
}
