package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Settings say where the Hub is. They are those of the Hub's own client, and come
// from the environment alone: the token is in no file of a run.
type Settings struct {
	Endpoint string // HF_ENDPOINT
	Token    string // HF_TOKEN; "": nobody in particular
	// TokenFile holds the token where there is no HF_TOKEN: HF_TOKEN_PATH, or token below
	// HF_HOME, where `hf auth login` writes it. It is read when it is needed.
	TokenFile string
	Cache     string // the Hub client's cache: HF_HUB_CACHE, or hub below HF_HOME; "": none
	Offline   bool   // HF_HUB_OFFLINE: read the cache alone
	// Tries is how often a request is repeated, and a connection that breaks is
	// taken up without a byte in between; 0 means 6.
	Tries int
	// MaxWait is the longest pause between two tries; 0 means 30 s.
	MaxWait time.Duration
	// Foreground says that a person waits for the command: remedies name it, rather than a worker.
	Foreground bool
	// Notice is told when a request is repeated; nil is fine.
	Notice func(text string)
}

const defaultEndpoint = "https://huggingface.co"

// FromEnv reads the settings. get is os.Getenv.
func FromEnv(get func(string) string) Settings {
	s := Settings{Endpoint: strings.TrimRight(get("HF_ENDPOINT"), "/"), Token: get("HF_TOKEN"), Cache: get("HF_HUB_CACHE")}
	if s.Endpoint == "" {
		s.Endpoint = defaultEndpoint
	}
	s.Offline = slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(get("HF_HUB_OFFLINE")))
	s.TokenFile = get("HF_TOKEN_PATH")
	for _, home := range []struct{ dir, below string }{
		{get("HF_HOME"), "hub"}, {get("XDG_CACHE_HOME"), "huggingface/hub"}, {get("HOME"), ".cache/huggingface/hub"},
	} {
		if s.Cache == "" && home.dir != "" {
			s.Cache = filepath.Join(home.dir, home.below)
		}
		if s.TokenFile == "" && home.dir != "" {
			s.TokenFile = filepath.Join(home.dir, strings.TrimSuffix(home.below, "hub"), "token")
		}
	}
	return s
}

// readToken takes the token from its file, unless there is one. A file that is not there
// holds none.
func (s *Settings) readToken() error {
	if s.Token != "" || s.TokenFile == "" {
		return nil
	}
	raw, err := os.ReadFile(s.TokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the Hub's token: %w", err)
	}
	s.Token = strings.TrimSpace(string(raw))
	return nil
}

// String shows the settings without the token.
func (s Settings) String() string {
	return fmt.Sprintf("%s (cache %s, offline %t)", s.Endpoint, s.Cache, s.Offline)
}

// GoString is String, so that %#v shows no token either.
func (s Settings) GoString() string { return s.String() }

func (s Settings) check() error {
	u, err := url.Parse(s.Endpoint)
	if err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil {
		return nil
	}
	return &r1.Error{
		Name: "hub-endpoint-invalid", Detail: "HF_ENDPOINT is no http or https URL without a password",
		Remedy: "set HF_ENDPOINT to the URL of a mirror, or unset it",
	}
}

// authorized adds the token to what goes to the endpoint, and to nothing else: a
// redirect leads to other hosts.
type authorized struct {
	scheme, host, token string
	base                http.RoundTripper
}

func (t authorized) RoundTrip(q *http.Request) (*http.Response, error) {
	if t.token != "" && q.URL.Host == t.host && q.URL.Scheme == t.scheme {
		q = q.Clone(q.Context())
		q.Header.Set("Authorization", "Bearer "+t.token)
	}
	return t.base.RoundTrip(q)
}
