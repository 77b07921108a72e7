package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// refusal is an answer that is no success.
type refusal struct {
	status int
	code   string // X-Error-Code: RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo
	text   string
	// storage says that it came from where large files lie, not from the endpoint.
	storage bool
}

func (r refusal) Error() string {
	s := fmt.Sprintf("the Hub answers %d %s", r.status, http.StatusText(r.status))
	if r.text != "" {
		s += ": " + r.text
	}
	return s
}

func isEntryMissing(err error) bool {
	var r refusal
	return errors.As(err, &r) && r.status == http.StatusNotFound && r.code == "EntryNotFound"
}

// unreachable is no user's error by name: it may pass, and is tried again.
func unreachable(endpoint string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // its URL may be one that is signed
		err = wrapped.Err
	}
	return outOfReach{endpoint, err}
}

// tokenRemedy says where the token is set: for a command that a person waits for, or for a worker.
func (s Settings) tokenRemedy() string {
	if s.Foreground {
		return "set HF_TOKEN (export HF_TOKEN=…) and give the same command again"
	}
	return "set HF_TOKEN where the worker starts (r1ctl server stop; export HF_TOKEN=…) and run `r1ctl retry`"
}

// Named gives a name to trouble that may pass, for a command that a person waits for; a job
// is retried instead. What has a name, or is none of the Hub's, stays as it is.
func Named(err error) error {
	if _, named := r1.AsError(err); named || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var r refusal
	var away outOfReach
	switch {
	case errors.As(err, &r) && r.status == http.StatusTooManyRequests:
		return &r1.Error{
			Name: "hub-rate-limited", Detail: "the Hub answers 429: too many requests were made from here",
			Remedy: "wait some minutes, or set HF_TOKEN, which raises the limit, and give the same command again: it goes on where it was", Err: err,
		}
	case errors.As(err, &r):
		return &r1.Error{
			Name: "hub-unavailable", Detail: fmt.Sprintf("the Hub does not answer as it should: %v", r),
			Remedy: "give the same command again later: it goes on where it was", Err: err,
		}
	case errors.As(err, &away):
		return &r1.Error{
			Name: "hub-unreachable", Detail: fmt.Sprintf("%s cannot be reached: %v", away.endpoint, away.cause),
			Remedy: "see to the network and give the same command again; HF_ENDPOINT names a mirror, HF_HUB_OFFLINE=1 reads the cache alone", Err: err,
		}
	}
	return err
}

// outOfReach is an endpoint that gave no answer at all.
type outOfReach struct {
	endpoint string
	cause    error
}

func (o outOfReach) Error() string {
	return fmt.Sprintf("reach %s (HF_ENDPOINT names a mirror; HF_HUB_OFFLINE=1 reads the cache alone): %v", o.endpoint, o.cause)
}

func (o outOfReach) Unwrap() error { return o.cause }

// explain makes of what the Hub refuses for good an error with a remedy. What may
// pass, such as 503 or 429, stays as it is.
func (c *client) explain(ctx context.Context, a Address, path string, err error) error {
	var r refusal
	if !errors.As(err, &r) {
		return err
	}
	page := c.Endpoint + a.page()
	who := "no HF_TOKEN is set"
	if c.Token != "" {
		who = "the HF_TOKEN that is set may not read it"
	}
	switch {
	case r.code == "GatedRepo":
		return &r1.Error{
			Name: "hub-gated", Detail: fmt.Sprintf("the %s %s is gated: its owner asks for something first, and %s", a.noun(), a.Repo, who),
			Remedy: fmt.Sprintf("accept its terms at %s, then %s", page, c.tokenRemedy()), Err: err,
		}
	case r.code == "RevisionNotFound":
		return &r1.Error{
			Name: "hub-revision-not-found", Detail: fmt.Sprintf("the %s %s has no revision %q%s", a.noun(), a.Repo, a.Revision, didYouMean(a.Revision, c.refs(ctx, a))),
			Remedy: "give a branch, tag or commit that is listed at " + page + "/tree/main", Err: err,
		}
	case r.code == "EntryNotFound":
		return &r1.Error{
			Name: "hub-file-not-found", Detail: fmt.Sprintf("the %s %s has no file %s", a.noun(), a.Repo, path), Remedy: "look at " + page + "/tree/main", Err: err,
		}
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden, r.status == http.StatusNotFound:
		return &r1.Error{
			Name: "hub-not-found", Detail: fmt.Sprintf("there is no %s %s, or it is private: %s", a.noun(), a.Repo, who),
			Remedy: fmt.Sprintf("look at %s; if it is private, %s", page, c.tokenRemedy()), Err: err,
		}
	}
	return fmt.Errorf("read %s: %w", a, err)
}

// refs lists the branches and tags of a data set, to name the nearest; it may fail.
func (c *client) refs(ctx context.Context, a Address) []string {
	raw, _, err := c.getSmall(ctx, c.api(a, "refs", "", ""))
	if err != nil {
		return nil
	}
	type ref struct {
		Name string `json:"name"`
	}
	var all struct{ Branches, Tags, Converts []ref }
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	var names []string
	for _, list := range [][]ref{all.Branches, all.Tags} {
		for _, r := range list {
			names = append(names, r.Name)
		}
	}
	return names
}
