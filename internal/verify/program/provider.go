package program

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// How services are asked. Trouble that lasts longer is a fault.
const (
	retries       = 4
	longestAnswer = 64 << 20
	overhead      = 30 * time.Second // of a request, beside the program's own time
)

// service is a client of a code execution service.
type service struct {
	base   string
	client *retryablehttp.Client
	turns  chan struct{}
}

// CheckProvider says what is wrong with a provider's URL, if anything is.
func CheckProvider(provider string) error {
	_, err := openProvider(Options{Provider: provider})
	return err
}

// openProvider reads a provider's URL.
func openProvider(o Options) (backend, error) {
	kind, rest, _ := strings.Cut(o.Provider, "+")
	u, err := url.Parse(rest)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, invalid(o.Provider, "it is no URL of the kind NAME+http://HOST")
	}
	if u.User != nil || u.RawQuery != "" { // the address is handed on as an argument
		return nil, invalid(o.Provider, "it holds a password or a query, which others on the machine could read")
	}
	client := retryablehttp.NewClient()
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = retries, 200*time.Millisecond, 10*time.Second
	client.Logger = nil
	s := service{base: strings.TrimSuffix(u.String(), "/"), client: client, turns: make(chan struct{}, o.Parallel)}
	switch kind {
	case "sandboxfusion":
		return &fusion{s}, nil
	case "piston":
		return &piston{service: s}, nil
	case "e2b":
		return &e2b{s}, nil
	}
	return nil, invalid(o.Provider, "its service is not known")
}

func invalid(provider, why string) error {
	shown := provider
	if u, err := url.Parse(provider); err == nil {
		shown = u.Redacted()
	}
	return &r1.Error{
		Name:   "code-provider-invalid",
		Detail: fmt.Sprintf("the code provider %q cannot be used: %s", shown, why),
		Remedy: "name it as sandboxfusion+http://HOST:PORT, piston+https://HOST or e2b+http://ROUTER:PORT, or leave it out to run programs on this machine",
	}
}

// post asks and retries: what is no answer of status 200 is an error.
func (s *service) post(ctx context.Context, path string, l limits, body, answer any) error {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, stop := context.WithTimeout(ctx, (retries+1)*(l.wall+overhead))
	defer stop()
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	q, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, s.base+path, raw)
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	return s.do(q, answer)
}

func (s *service) do(q *retryablehttp.Request, answer any) error {
	resp, err := s.client.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(raw[:min(len(raw), 200)]))
	}
	return json.Unmarshal(raw, answer)
}
