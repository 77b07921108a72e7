package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/r1"
)

const key = "sk-scripted-0123456789"

func client(t *testing.T, s *scripted.Server, change func(*chat.Config)) *chat.Client {
	t.Helper()
	c := chat.Config{URL: s.URL, Key: key, Timeout: 5 * time.Second, Pause: time.Millisecond, Patience: 20 * time.Second}
	if change != nil {
		change(&c)
	}
	out, err := chat.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func body(prompt string) []byte {
	return fmt.Appendf(nil, `{"model": "m", "messages": [{"role": "user", "content": %q}]}`, prompt)
}

func TestAnswers(t *testing.T) {
	tests := map[string]struct {
		reply scripted.Reply
		want  chat.Answer
		text  string
	}{
		"plain":                {scripted.Reply{Text: "hi"}, chat.Answer{Text: "hi", Finish: "stop"}, "hi"},
		"reasons":              {scripted.Reply{Text: "hi", Reasoning: "hm\n"}, chat.Answer{Text: "hi", Reasoning: "hm\n", Finish: "stop"}, "<think>\nhm\n</think>\n\nhi"},
		"cut while it reasons": {scripted.Reply{Reasoning: "hm", Finish: "length"}, chat.Answer{Reasoning: "hm", Finish: "length"}, "<think>\nhm"},
		"cut":                  {scripted.Reply{Text: "h", Finish: "max_tokens"}, chat.Answer{Text: "h", Finish: "length"}, "h"},
		"filtered":             {scripted.Reply{Finish: "content_filter"}, chat.Answer{Finish: "refused"}, ""},
		"another end":          {scripted.Reply{Text: "x", Finish: "tool_calls"}, chat.Answer{Text: "x", Finish: "tool_calls"}, "x"},
		"parts": {scripted.Reply{Raw: `{"choices": [{"finish_reason": "stop", "message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}]}`},
			chat.Answer{Text: "ab", Finish: "stop"}, "ab"},
		"newer name of reasoning": {scripted.Reply{Raw: `{"choices": [{"finish_reason": "stop", "message": {"content": "a", "reasoning": "r"}}]}`},
			chat.Answer{Text: "a", Reasoning: "r", Finish: "stop"}, "<think>\nr\n</think>\n\na"},
		"the model declines": {scripted.Reply{Raw: `{"choices": [{"finish_reason": "stop", "message": {"content": null, "refusal": "No."}}]}`},
			chat.Answer{Text: "No.", Finish: "stop"}, "No."},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			s := scripted.New(t, func(r scripted.Request) scripted.Reply {
				if r.Key != "Bearer "+key {
					t.Errorf("the key came as %q", r.Key)
				}
				return c.reply
			})
			got, err := client(t, s, nil).Complete(t.Context(), body("q"))
			if err != nil {
				t.Fatal(err)
			}
			if c.reply.Raw == "" && (got.Usage == nil || got.Usage.Completion != 7 || got.Usage.Prompt != 5 || got.Model != "m") {
				t.Errorf("usage %+v of %q", got.Usage, got.Model)
			}
			got.Usage, got.Model = nil, ""
			if got != c.want || got.Response() != c.text {
				t.Errorf("got %+v, as a response %q\nwant %+v, %q", got, got.Response(), c.want, c.text)
			}
		})
	}
}

// What passes is ridden out, and costs nothing but time.
func TestFaultsAreRiddenOut(t *testing.T) {
	faults := map[string]scripted.Reply{
		"too many":     {Status: 429, Raw: "{}"},
		"busy":         {Status: 503, Raw: "busy"},
		"broken":       {Status: 500, Raw: "<html>"},
		"reset":        {Reset: true},
		"cut body":     {Text: strings.Repeat("long ", 100), Cut: true},
		"no JSON":      {Raw: "<!doctype html>"},
		"wrong JSON":   {Raw: `{"choices": []}`},
		"no end":       {Raw: `{"choices": [{"message": {"content": "x"}}]}`},
		"given up":     {Finish: "insufficient_system_resource"},
		"slow":         {Text: "late", Delay: 2 * time.Second},
		"other states": {Status: 529, Raw: `{"error": {"message": "overloaded"}}`},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scripted.New(t, func(r scripted.Request) scripted.Reply {
				if r.Time <= 2 {
					return fault
				}
				return scripted.Reply{Text: "yes"}
			})
			c := client(t, s, func(c *chat.Config) { c.Timeout = 300 * time.Millisecond })
			got, err := c.Complete(t.Context(), body("q"))
			if err != nil || got.Text != "yes" {
				t.Fatalf("got %+v, %v", got, err)
			}
			if n := c.Counts(); s.Count() != 3 || n.Requests != 3 || n.Retries != 2 {
				t.Errorf("the server saw %d requests, the client counts %+v", s.Count(), n)
			}
		})
	}
}

// A Retry-After holds everybody, not only whoever got it.
func TestRetryAfterHoldsAllRequests(t *testing.T) {
	var mu sync.Mutex
	var held time.Time
	early := 0
	s := scripted.New(t, func(r scripted.Request) scripted.Reply {
		mu.Lock()
		defer mu.Unlock()
		if r.Count == 1 {
			held = time.Now().Add(time.Second)
			return scripted.Reply{Status: 429, Raw: "{}", Header: map[string]string{"Retry-After": "1"}}
		}
		if time.Now().Before(held.Add(-50 * time.Millisecond)) {
			early++
		}
		return scripted.Reply{Text: "yes"}
	})
	c := client(t, s, nil)
	done := make(chan error, 5)
	ask := func(n int) { _, err := c.Complete(t.Context(), body(fmt.Sprint(n))); done <- err }
	go ask(0)
	for s.Count() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // until the first answer is read
	for n := 1; n < 5; n++ {
		go ask(n)
	}
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if early > 0 || s.Count() != 6 {
		t.Errorf("%d of %d requests came before the time that the endpoint had named", early, s.Count())
	}
}

func TestWhatCannotSucceedIsNamed(t *testing.T) {
	tests := map[string]struct {
		reply scripted.Reply
		name  string
		asked int
	}{
		"key":      {scripted.Error(401, "invalid_api_key", "Incorrect API key provided: "+key), "endpoint-key", 1},
		"forbid":   {scripted.Error(403, "", "not yours"), "endpoint-key", 1},
		"money":    {scripted.Error(402, "", "Insufficient Balance"), "endpoint-payment", 1},
		"quota":    {scripted.Error(429, "insufficient_quota", "You exceeded your current quota"), "endpoint-payment", 1},
		"model":    {scripted.Error(404, "model_not_found", "The model m does not exist"), "endpoint-model", 1},
		"model400": {scripted.Error(400, "invalid_request_error", "Model Not Exist"), "endpoint-model", 1},
		"context":  {scripted.Error(400, "context_length_exceeded", "This model's maximum context length is 8 tokens"), "endpoint-context", 1},
		"route":    {scripted.Error(405, "", "method not allowed"), "endpoint-request", 1},
		"redirect": {scripted.Reply{Status: 302, Raw: "{}", Header: map[string]string{"Location": "/elsewhere"}}, "endpoint-request", 1},
		"page":     {scripted.Reply{Raw: "<html>welcome</html>"}, "endpoint-answer", 5},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			s := scripted.New(t, func(scripted.Request) scripted.Reply { return c.reply })
			_, err := client(t, s, nil).Complete(t.Context(), body("q"))
			var failure *chat.Failure
			if !errors.As(err, &failure) || failure.Class != r1.ClassConfig || failure.Err.Name != c.name || failure.Err.Remedy == "" {
				t.Fatalf("got %v, want %s", err, c.name)
			}
			if s.Count() != c.asked {
				t.Errorf("asked %d times, want %d", s.Count(), c.asked)
			}
			if strings.Contains(err.Error(), key) {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		reply    scripted.Reply
		filtered bool
	}{
		"a filter":        {scripted.Error(400, "content_filter", "The response was filtered"), true},
		"another filter":  {scripted.Error(400, "", "Content Exists Risk"), true},
		"of this request": {scripted.Error(400, "", "messages[0].content: invalid"), false},
		"unprocessable":   {scripted.Error(422, "", "no"), false},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			s := scripted.New(t, func(scripted.Request) scripted.Reply { return c.reply })
			_, err := client(t, s, nil).Complete(t.Context(), body("q"))
			var no *chat.Refused
			if !errors.As(err, &no) || no.Filtered != c.filtered || s.Count() != 1 {
				t.Errorf("got %v after %d requests", err, s.Count())
			}
		})
	}
}

func TestAnOutageEndsAsInfrastructure(t *testing.T) {
	for name, reply := range map[string]scripted.Reply{
		"down":       {Status: 502, Raw: "bad gateway"},
		"busy":       {Status: 429, Raw: "{}"},
		"for a day":  {Status: 429, Raw: "{}", Header: map[string]string{"Retry-After": "86400"}},
		"never ends": {Delay: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scripted.New(t, func(scripted.Request) scripted.Reply { return reply })
			c := client(t, s, func(c *chat.Config) { c.Patience, c.Timeout = 500*time.Millisecond, 200*time.Millisecond })
			_, err := c.Complete(t.Context(), body("q"))
			var failure *chat.Failure
			if !errors.As(err, &failure) || failure.Class != r1.ClassInfrastructure || failure.Err.Name != "endpoint-outage" {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// While others are served, an endpoint that says "too many" is not away.
func TestABusyEndpointIsNotAway(t *testing.T) {
	s := scripted.New(t, func(r scripted.Request) scripted.Reply {
		if r.Prompt == "unlucky" && r.Time < 40 {
			return scripted.Reply{Status: 429, Raw: "{}"}
		}
		return scripted.Reply{Text: "yes"}
	})
	c := client(t, s, func(c *chat.Config) { c.Patience = 400 * time.Millisecond; c.Pause = 20 * time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			_, _ = c.Complete(ctx, body(fmt.Sprint(n)))
			time.Sleep(10 * time.Millisecond)
		}
	}()
	within, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	_, err := c.Complete(within, body("unlucky"))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up: %v", err)
	}
}

func TestRates(t *testing.T) {
	s := scripted.New(t, func(scripted.Request) scripted.Reply { return scripted.Reply{Text: "yes", Tokens: 45} })
	ask := func(c *chat.Client, n int) time.Duration {
		began := time.Now()
		for i := range n {
			if _, err := c.Complete(t.Context(), body(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		return time.Since(began)
	}
	// 600 a minute is one each 100 ms; 50 tokens an answer at 30,000 a minute is the same.
	if took := ask(client(t, s, func(c *chat.Config) { c.RequestsPerMinute = 600 }), 6); took < 480*time.Millisecond {
		t.Errorf("6 requests at 600 a minute took %s", took)
	}
	c := client(t, s, func(c *chat.Config) { c.TokensPerMinute = 30_000 })
	ask(c, 10) // the burst: a second's worth
	if took := ask(c, 6); took < 480*time.Millisecond {
		t.Errorf("6 requests of 50 tokens at 30000 tokens a minute took %s", took)
	}
}

func TestAddresses(t *testing.T) {
	for _, url := range []string{"", "ftp://x/v1", "http://user:secret@x/v1", "x/v1"} {
		if _, err := chat.New(chat.Config{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", url, err)
		}
	}
}
