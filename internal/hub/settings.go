package hub

import (
	"fmt"
	"net/http"
	"net/url"
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
	Cache    string // the Hub client's cache: HF_HUB_CACHE, or hub below HF_HOME; "": none
	Offline  bool   // HF_HUB_OFFLINE: read the cache alone
	// Tries is how often a request is repeated, and a connection that breaks is
	// taken up without a byte in between; 0 means 6.
	Tries int
	// MaxWait is the longest pause between two tries; 0 means 30 s.
	MaxWait time.Duration
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
	for _, home := range []struct{ dir, below string }{
		{get("HF_HOME"), "hub"}, {get("XDG_CACHE_HOME"), "huggingface/hub"}, {get("HOME"), ".cache/huggingface/hub"},
	} {
		if s.Cache == "" && home.dir != "" {
			s.Cache = filepath.Join(home.dir, home.below)
		}
	}
	return s
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
