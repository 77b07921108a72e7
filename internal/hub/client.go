package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	userAgent = "r1ctl"
	// silence is how long nothing may move on a connection before it counts as broken;
	// patience is the same where the server may have much to do with what it was sent.
	silence     = 2 * time.Minute
	patience    = 10 * time.Minute
	maxAnswer   = 64 << 20 // a page of a listing; a card
	defaultTry  = 6
	defaultWait = 30 * time.Second
)

// client asks one endpoint.
type client struct {
	Settings
	http *retryablehttp.Client
}

func newClient(s Settings) (*client, error) { return clientWith(s, time.Minute, silence) }

// clientWith waits that long for an answer, and on a connection on which nothing moves.
func clientWith(s Settings, answer, silence time.Duration) (*client, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := s.readToken(); err != nil {
		return nil, err
	}
	if s.Tries == 0 {
		s.Tries = defaultTry
	}
	if s.MaxWait == 0 {
		s.MaxWait = defaultWait
	}
	end, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("read HF_ENDPOINT: %w", err)
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, ResponseHeaderTimeout: answer,
		DisableCompression: true, // offsets count the bytes of the file
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &watched{conn, silence}, nil
		},
	}
	c := &client{Settings: s, http: retryablehttp.NewClient()}
	c.http.HTTPClient = &http.Client{Transport: authorized{scheme: end.Scheme, host: end.Host, token: s.Token, base: transport}}
	c.http.RetryMax, c.http.RetryWaitMin, c.http.RetryWaitMax = s.Tries, min(time.Second, s.MaxWait), s.MaxWait
	c.http.Logger = nil
	c.http.RequestLogHook = func(_ retryablehttp.Logger, q *http.Request, n int) {
		if n > 0 && s.Notice != nil {
			s.Notice(fmt.Sprintf("no answer from %s, trying again (%d of %d)", q.URL.Host, n, s.Tries))
		}
	}
	c.http.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return c, nil
}

// watched ends a connection on which nothing moves for long. While bytes go out, none
// need come in.
type watched struct {
	net.Conn
	silence time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.SetDeadline(time.Now().Add(w.silence)); err != nil {
		return 0, err
	}
	return w.Conn.Read(p)
}

func (w *watched) Write(p []byte) (int, error) {
	if err := w.SetDeadline(time.Now().Add(w.silence)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// get asks for a URL from an offset on. A status that is no success is an error,
// which tells what the Hub said.
func (c *client) get(ctx context.Context, where string, offset int64) (*http.Response, error) {
	q, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("User-Agent", userAgent)
	if offset > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := c.http.Do(q)
	if err != nil {
		return nil, unreachable(c.Endpoint, err)
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 400))
	return nil, refusal{status: resp.StatusCode, code: resp.Header.Get("X-Error-Code"), text: strings.TrimSpace(string(text))}
}

// getSmall reads an answer whole.
func (c *client) getSmall(ctx context.Context, where string) ([]byte, http.Header, error) {
	resp, err := c.get(ctx, where, 0)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, nil, unreachable(c.Endpoint, err)
	}
	return raw, resp.Header, nil
}

// api is the URL of a call about a data set or a model. Parts are escaped, and a path keeps its slashes.
func (c *client) api(a Address, call, revision, path string) string {
	kind := "datasets"
	if a.Model {
		kind = "models"
	}
	s := c.Endpoint + "/api/" + kind + "/" + a.Repo + "/" + call
	if revision != "" {
		s += "/" + url.PathEscape(revision)
	}
	return s + escapedPath(path)
}

// resolve is the URL of a file.
func (c *client) resolve(a Address, commit, path string) string {
	return c.Endpoint + a.page() + "/resolve/" + url.PathEscape(commit) + escapedPath(path)
}

func escapedPath(path string) string {
	out := ""
	for part := range strings.SplitSeq(path, "/") {
		if part != "" {
			out += "/" + url.PathEscape(part)
		}
	}
	return out
}

// commit is what a revision stands for now.
func (c *client) commit(ctx context.Context, a Address) (string, error) {
	revision := a.Revision
	if revision == "" {
		revision = "main"
	}
	raw, _, err := c.getSmall(ctx, c.api(a, "revision", revision, ""))
	if err != nil {
		return "", c.explain(ctx, a, "", err)
	}
	var info struct {
		SHA string `json:"sha"`
	}
	if err := json.Unmarshal(raw, &info); err != nil || !isHex(info.SHA, 40) {
		return "", fmt.Errorf("look up %s: the answer names no commit: HF_ENDPOINT may be no Hub", a)
	}
	return info.SHA, nil
}

// tree lists the files below a folder. One that is not there is empty.
func (c *client) tree(ctx context.Context, a Address, commit, folder string) ([]File, error) {
	next := c.api(a, "tree", commit, folder) + "?recursive=true&expand=false"
	var files []File
	for next != "" {
		raw, header, err := c.getSmall(ctx, next)
		if errors.As(err, &refusal{}) && isEntryMissing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, c.explain(ctx, a, "", err)
		}
		var page []struct {
			Type string `json:"type"`
			OID  string `json:"oid"`
			Path string `json:"path"`
			Size int64  `json:"size"`
			LFS  *struct {
				OID  string `json:"oid"`
				Size int64  `json:"size"`
			} `json:"lfs"`
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, fmt.Errorf("list %s: the answer is no listing: %w", a, err)
		}
		for _, e := range page {
			switch {
			case e.Type != "file":
			case e.LFS != nil:
				files = append(files, File{Path: e.Path, Size: e.LFS.Size, sha256: e.LFS.OID})
			default:
				files = append(files, File{Path: e.Path, Size: e.Size, blob: e.OID})
			}
		}
		if next, err = c.nextPage(next, header); err != nil {
			return nil, fmt.Errorf("list %s: %w", a, err)
		}
	}
	return files, nil
}

// nextPage finds the link to the next page, which may be relative.
func (c *client) nextPage(from string, header http.Header) (string, error) {
	for _, link := range header.Values("Link") {
		for part := range strings.SplitSeq(link, ",") {
			target, rel, _ := strings.Cut(part, ">")
			if !strings.Contains(rel, `rel="next"`) {
				continue
			}
			base, err := url.Parse(from)
			if err != nil {
				return "", err
			}
			next, err := base.Parse(strings.TrimLeft(strings.TrimSpace(target), "<"))
			if err != nil || next.String() == from {
				return "", fmt.Errorf("the link to the next page cannot be read: %q", link)
			}
			return next.String(), nil
		}
	}
	return "", nil
}

func isHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}
