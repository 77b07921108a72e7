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
	return fmt.Errorf("reach %s (HF_ENDPOINT names a mirror; HF_HUB_OFFLINE=1 reads the cache alone): %w", endpoint, err)
}

// explain makes of what the Hub refuses for good an error with a remedy. What may
// pass, such as 503 or 429, stays as it is.
func (c *client) explain(ctx context.Context, a Address, path string, err error) error {
	var r refusal
	if !errors.As(err, &r) {
		return err
	}
	page := c.Endpoint + "/datasets/" + a.Repo
	who := "no HF_TOKEN is set"
	if c.Token != "" {
		who = "the HF_TOKEN that is set may not read it"
	}
	switch {
	case r.code == "GatedRepo":
		return &r1.Error{
			Name: "hub-gated", Detail: fmt.Sprintf("the data set %s is gated: its owner asks for something first, and %s", a.Repo, who),
			Remedy: fmt.Sprintf("accept its terms at %s, then set HF_TOKEN where the worker starts (r1ctl server stop; export HF_TOKEN=…) and run `r1ctl retry`", page), Err: err,
		}
	case r.code == "RevisionNotFound":
		return &r1.Error{
			Name: "hub-revision-not-found", Detail: fmt.Sprintf("the data set %s has no revision %q%s", a.Repo, a.Revision, didYouMean(a.Revision, c.refs(ctx, a))),
			Remedy: "give a branch, tag or commit that is listed at " + page + "/tree/main", Err: err,
		}
	case r.code == "EntryNotFound":
		return &r1.Error{
			Name: "hub-file-not-found", Detail: fmt.Sprintf("the data set %s has no file %s", a.Repo, path), Remedy: "look at " + page + "/tree/main", Err: err,
		}
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden, r.status == http.StatusNotFound:
		return &r1.Error{
			Name: "hub-not-found", Detail: fmt.Sprintf("there is no data set %s, or it is private: %s", a.Repo, who),
			Remedy: fmt.Sprintf("look at %s; for a private one set HF_TOKEN where the worker starts", page), Err: err,
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
