package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Config is an endpoint, and how hard it may be asked.
type Config struct {
	URL string // base, such as https://api.example.com/v1; /chat/completions or /embeddings is appended
	Key string // sent as a bearer token; empty sends none. It is in no error and no log
	// RequestsPerMinute and TokensPerMinute bound what is asked; 0 does not. Tokens
	// are counted when an answer says how many it took, so what is under way at a time may go beyond.
	RequestsPerMinute, TokensPerMinute int
	Timeout                            time.Duration // of one try, until its answer is read; default 20 min
	// Patience is how long a request is tried again after its first failure, and how
	// long an endpoint may answer nothing but "too many requests"; default 30 min.
	Patience time.Duration
	// Pause is the shortest pause before a request is tried again; it doubles up to a
	// minute. Default 1 s.
	Pause time.Duration
	Log   *slog.Logger // default: discards
}

// Client asks one endpoint. Its methods may be called at the same time.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client

	mu        sync.Mutex
	answered  time.Time // when the endpoint last answered anything, or the client was made
	once      bool      // it has answered something
	malformed int       // answers in a row that were none, before the first
	counts    Counts
}

// Counts are what the client has done so far.
type Counts struct {
	Requests int64 // tries, whatever came of them
	Retries  int64 // of these, those after the first of a request
}

// New makes a client of an endpoint.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.User != nil || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, &r1.Error{Name: "endpoint-address", Detail: "the endpoint's url is not an http or https address without a user",
			Remedy: "correct url under endpoints in the settings, such as https://api.deepseek.com/v1; a key goes into the variable that key_env names"}
	}
	defaultTo(&c.Timeout, 20*time.Minute)
	defaultTo(&c.Patience, 30*time.Minute)
	defaultTo(&c.Pause, time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{cfg: c, base: base, answered: time.Now(), http: &http.Client{Transport: newTransport(c), CheckRedirect: stay}}, nil
}

// stay follows no redirect: a POST would become a GET, and the key might follow it elsewhere.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func defaultTo(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

// Address is where the endpoint is, without what may be secret.
func (c *Client) Address() string { return c.base.Scheme + "://" + c.base.Host + c.base.Path }

// Counts says what was done so far.
func (c *Client) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// Complete sends a request body and returns the answer. Outages, rate limits,
// timeouts and broken answers are tried again for as long as the config says. The
// error is *Refused, *Failure, or that of ctx.
func (c *Client) Complete(ctx context.Context, body []byte) (answer Answer, err error) {
	t := c.try("a chat completion", "chat", "completions")
	t.read = func(body []byte) (problem string) {
		answer, problem = parse(body)
		return problem
	}
	if err := c.ask(ctx, t, body); err != nil {
		return Answer{}, err
	}
	return answer, nil
}

// try is a request to a route below the base.
func (c *Client) try(wants string, route ...string) *try {
	full := c.base.JoinPath(route...)
	return &try{client: c, wants: wants, route: "/" + strings.Join(route, "/"), url: full.String(), safe: full.Scheme + "://" + full.Host + full.Path}
}

// ask sends a request until it is answered or given up.
func (c *Client) ask(ctx context.Context, t *try, body []byte) error {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, t.url, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	retrying := &retryablehttp.Client{
		HTTPClient: c.http, RetryMax: math.MaxInt32, RetryWaitMin: c.cfg.Pause, RetryWaitMax: time.Minute,
		CheckRetry: t.check, Backoff: backoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
		RequestLogHook: func(_ retryablehttp.Logger, _ *http.Request, n int) { c.count(n) },
	}
	resp, err := retrying.Do(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case t.err != nil:
		return t.err
	case err != nil:
		return t.failed(r1.ClassConfig, &r1.Error{Name: "endpoint-connection", Detail: fmt.Sprintf("%s cannot be asked: %s", t.safe, c.hide(err.Error())),
			Remedy: "check the endpoint's url, its certificate and the proxy settings of the machine that asks"})
	}
	return nil
}

func (c *Client) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Requests++
	if n > 0 {
		c.counts.Retries++
	}
}

// hide takes the key out of a text that came from outside.
func (c *Client) hide(text string) string {
	if c.cfg.Key != "" {
		text = strings.ReplaceAll(text, c.cfg.Key, "[key]")
	}
	return text
}

// backoff honours Retry-After, and else doubles, with half of it at random so that
// requests that failed together do not come back together.
func backoff(least, most time.Duration, n int, resp *http.Response) time.Duration {
	if wait, ok := retryAfter(resp); ok {
		return wait
	}
	pause := min(most, time.Duration(float64(least)*math.Pow(2, float64(min(n, 20)))))
	return pause/2 + rand.N(pause/2+1)
}

// retryAfter is what an answer says of how long to wait.
func retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp == nil || resp.Header.Get("Retry-After") == "" {
		return 0, false
	}
	said := retryablehttp.DefaultBackoff(-1, -1, 0, resp) // a negative wait is none that was said
	return said, said >= 0
}

// try is one request on its way, with all its tries.
type try struct {
	client    *Client
	wants     string // what an answer is
	route     string // below the base
	url, safe string // the address, and without what may be secret
	// read takes an answer, or says why it is none.
	read  func(body []byte) (problem string)
	long  bool      // a request that is too long is refused, and no reason to ask nothing more
	began time.Time // of the first failure
	last  string    // what the last failure was
	err   error
}

func (t *try) failed(class r1.Class, err *r1.Error) error { return &Failure{Class: class, Err: err} }

// check says whether to try again, and keeps what there is to tell.
func (t *try) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		again, _ := retryablehttp.ErrorPropagatedRetryPolicy(ctx, nil, err)
		if !again {
			return false, nil
		}
		return t.again(nil, "no answer: "+cause(err), false)
	}
	body, err := io.ReadAll(resp.Body) // in memory already: see transport
	if err != nil {
		return t.again(resp, "an answer that ends too early", false)
	}
	busy := resp.StatusCode == http.StatusTooManyRequests
	kind := classify(resp.StatusCode, body)
	if kind == tooLong && t.long {
		kind = refused
	}
	switch kind {
	case succeeds:
		problem := t.read(body)
		if problem == "" {
			t.client.heard()
			return false, nil
		}
		if t.client.neverAnswers() {
			return false, t.give(r1.ClassConfig, &r1.Error{Name: "endpoint-answer",
				Detail: fmt.Sprintf("%s answers, but not with %s: %s", t.safe, t.wants, t.client.hide(problem)),
				Remedy: fmt.Sprintf("check the endpoint's url: it ends where %s begins, often in /v1", t.route)})
		}
		return t.again(resp, problem, false)
	case passing:
		return t.again(resp, resp.Status+": "+said(body), busy)
	case refused, filtered:
		t.client.spoke()
		t.err = &Refused{Filtered: kind == filtered, Detail: t.client.hide(fmt.Sprintf("%d: %s", resp.StatusCode, said(body)))}
		return false, nil
	default:
		return false, t.give(r1.ClassConfig, permanent(kind, t.safe, resp.StatusCode, t.client.hide(said(body))))
	}
}

func (t *try) give(class r1.Class, err *r1.Error) error {
	t.err = t.failed(class, err)
	return t.err
}

// again says to try again, until patience is at its end. An endpoint that is busy is
// not broken: only where nobody gets anything for long it counts as away.
func (t *try) again(resp *http.Response, why string, busy bool) (bool, error) {
	now, c := time.Now(), t.client
	t.last = c.hide(why)
	since := c.lastHeard()
	if !busy {
		if t.began.IsZero() {
			t.began = now
		}
		since = t.began
	}
	wait, _ := retryAfter(resp)
	if now.Add(wait).Sub(since) > c.cfg.Patience {
		return false, t.give(r1.ClassInfrastructure, &r1.Error{Name: "endpoint-outage",
			Detail: fmt.Sprintf("%s gave no answer within %s: %s", t.safe, c.cfg.Patience, t.last),
			Remedy: "nothing to do, unless it happens again: then see whether the endpoint is up, or lower its concurrency or rates in the settings"})
	}
	c.cfg.Log.Info("the endpoint is asked again", "after", t.last)
	return true, nil
}

// cause is the innermost part of an error, without the address.
func cause(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return err.Error()
}

func (c *Client) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered, c.once = time.Now(), true
}

// spoke notes that the endpoint is there, though it gave no completion.
func (c *Client) spoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = time.Now()
}

func (c *Client) lastHeard() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// strange is how many answers that are none, before the first that is one, show a wrong address.
const strange = 5

func (c *Client) neverAnswers() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.malformed++
	return !c.once && c.malformed >= strange
}
