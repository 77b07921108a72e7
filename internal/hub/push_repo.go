package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
)

// ensureRepo makes the repo where there is none, and sees to it that nothing private
// goes to a public one.
func (p *pusher) ensureRepo(ctx context.Context) error {
	for try := 1; ; try++ {
		private, err := p.lookAtRepo(ctx)
		if err == nil {
			if p.Private && !private {
				return p.public()
			}
			return nil
		}
		var refused refusal
		if !errors.As(err, &refused) || !refused.missing() || try > 2 {
			return p.explain("look at", err)
		}
		if err := p.createRepo(ctx); err != nil {
			return err
		}
	}
}

func (p *pusher) lookAtRepo(ctx context.Context) (private bool, err error) {
	raw, _, err := p.client.getSmall(ctx, strings.TrimSuffix(p.client.api(p.address(), "", "", ""), "/"))
	if err != nil {
		return false, err
	}
	var info struct {
		ID      string `json:"id"`
		Private *bool  `json:"private"`
	}
	if err := json.Unmarshal(raw, &info); err != nil || info.Private == nil {
		return false, fmt.Errorf("look at %s: the answer does not describe a repo: HF_ENDPOINT may be no Hub", p.Repo)
	}
	return *info.Private, nil
}

func (p *pusher) createRepo(ctx context.Context) error {
	org, name, _ := strings.Cut(p.Repo, "/")
	kind := "model"
	if p.Dataset {
		kind = "dataset"
	}
	body := map[string]any{"name": name, "organization": org, "type": kind, "private": p.Private}
	_, err := p.client.post(ctx, p.client.Endpoint+"/api/repos/create", body, nil)
	var refused refusal
	if errors.As(err, &refused) && refused.status == http.StatusConflict {
		return nil // it is there, or somebody makes it: it is looked at again
	}
	return p.explain("make the repo", err)
}

// ensureBranch makes the branch where there is none. main comes with the first commit.
func (p *pusher) ensureBranch(ctx context.Context) error {
	if p.Branch == "main" {
		return nil
	}
	_, err := p.client.commit(ctx, p.address())
	var refused refusal
	if !errors.As(err, &refused) || refused.code != "RevisionNotFound" {
		return p.explain("look at", err)
	}
	_, err = p.client.post(ctx, p.client.api(p.address(), "branch", p.Branch, ""), map[string]any{}, nil)
	if errors.As(err, &refused) && refused.status == http.StatusConflict {
		return nil
	}
	return p.explain("make the branch "+p.Branch+" of", err)
}

// post sends JSON, and repeats it while there is no answer: for calls that may be.
func (c *client) post(ctx context.Context, where string, body any, header map[string]string) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	q, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(raw))
	if err != nil {
		return nil, c.plain(where, err)
	}
	q.Header.Set("User-Agent", userAgent)
	q.Header.Set("Content-Type", "application/json")
	for key, value := range header {
		q.Header.Set(key, value)
	}
	resp, err := c.http.Do(q)
	if err != nil {
		return nil, c.plain(where, err)
	}
	return c.answer(where, resp)
}

// answer reads a small answer, or what was refused.
func (c *client) answer(where string, resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	raw, err := readLimited(resp.Body)
	if resp.StatusCode/100 != 2 {
		return nil, c.refused(where, resp, raw)
	}
	if err != nil {
		return nil, c.plain(where, err)
	}
	return raw, nil
}

// foreign says that a URL is not the endpoint's: it may be signed, and what is there may
// answer with parts of the signature.
func (c *client) foreign(where string) bool {
	u, err := url.Parse(where)
	end, endErr := url.Parse(c.Endpoint)
	return err != nil || endErr != nil || u.Host != end.Host
}
