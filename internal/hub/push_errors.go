package hub

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// maxRefusal bounds what is shown of a refusal.
const maxRefusal = 400

func readLimited(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxAnswer)) }

// missing says that there is no such repo, as far as this token can see.
func (r refusal) missing() bool {
	return r.code == "RepoNotFound" || r.status == http.StatusNotFound && r.code == ""
}

// passing says that the same call may succeed later.
func (r refusal) passing() bool {
	return r.status >= 500 || r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout
}

// refused makes an error of an answer. Of a host that is not the endpoint only a code is
// shown: its text may repeat a signature.
func (c *client) refused(where string, resp *http.Response, raw []byte) error {
	r := refusal{status: resp.StatusCode, code: resp.Header.Get("X-Error-Code"), text: resp.Header.Get("X-Error-Message")}
	if c.foreign(where) {
		var s3 struct {
			Code string `xml:"Code"`
		}
		_ = xml.Unmarshal(raw, &s3)
		r.text, r.storage = s3.Code, true
		return r
	}
	var said struct {
		Error  string `json:"error"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &said) == nil {
		parts := []string{said.Error, said.Message}
		for _, e := range said.Errors {
			parts = append(parts, e.Message)
		}
		raw = []byte(strings.Join(parts, " "))
	}
	if r.text == "" {
		r.text = strings.Join(strings.Fields(string(raw)), " ")
	}
	r.text = c.hush(r.text)
	if len(r.text) > maxRefusal {
		r.text = strings.ToValidUTF8(r.text[:maxRefusal], "") + "…"
	}
	return r
}

// hush takes the token out of a text.
func (c *client) hush(text string) string {
	if c.Token == "" {
		return text
	}
	return strings.ReplaceAll(text, c.Token, "[token]")
}

// plain is an error of the network without the URL, which may be signed.
func (c *client) plain(where string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	host := "the Hub"
	if u, parseErr := url.Parse(where); parseErr == nil {
		host = u.Host
	}
	return fmt.Errorf("reach %s: %w", host, err)
}

// explain makes of what the Hub refuses for good an error with a remedy.
func (p *pusher) explain(doing string, err error) error {
	var r refusal
	if err == nil || !errors.As(err, &r) {
		return err
	}
	what := p.doing(doing)
	switch {
	case r.passing(), r.storage && r.status != http.StatusNotFound:
		return fmt.Errorf("%s: %w", what, r)
	case r.code == "RevisionNotFound":
		return &r1.Error{Name: "hub-branch-missing", Detail: fmt.Sprintf("%s: there is no branch %s", what, p.Branch), Remedy: "look at " + p.page(), Err: r}
	case r.missing():
		return &r1.Error{
			Name: "hub-repo-missing", Detail: what + ": there is no such repo that this token may see",
			Remedy: "check the name, and that the token may write to it: " + p.client.Endpoint + "/settings/tokens", Err: r,
		}
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return &r1.Error{
			Name: "hub-denied", Detail: what + ": the Hub's token may not do that",
			Remedy: "use a token that may write to " + p.Repo + " (" + p.client.Endpoint + "/settings/tokens): hf auth login, or HF_TOKEN; then r1ctl retry", Err: r,
		}
	}
	return &r1.Error{Name: "hub-refused", Detail: what + ": the Hub refuses it", Remedy: "look at what it says; after a change of the recipe, r1ctl resume RUN --set …", Err: r}
}

// public says that what is to be private would be seen by all.
func (p *pusher) public() error {
	return &r1.Error{
		Name: "hub-public", Detail: fmt.Sprintf("%s is public, and what is published is to be private", p.Repo),
		Remedy: "make the repo private at " + p.page() + "/settings, or set `private: false` in the stage's params",
	}
}
