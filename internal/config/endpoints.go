package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Endpoint is where models are served by somebody else, in the form of OpenAI's API.
type Endpoint struct {
	URL string `mapstructure:"url" json:"url"` // base; /chat/completions or /embeddings is appended
	// KeyEnv names the variable that holds the key, on the machine where a job runs.
	KeyEnv            string        `mapstructure:"key_env" json:"key_env,omitempty"`
	Concurrency       int           `mapstructure:"concurrency" json:"concurrency,omitempty"`                 // requests at a time; default 8
	RequestsPerMinute int           `mapstructure:"requests_per_minute" json:"requests_per_minute,omitempty"` // 0: no limit
	TokensPerMinute   int           `mapstructure:"tokens_per_minute" json:"tokens_per_minute,omitempty"`
	Timeout           time.Duration `mapstructure:"timeout" json:"-"`  // of one answer; default 20 min
	Patience          time.Duration `mapstructure:"patience" json:"-"` // with an endpoint that is away; default 30 min
}

// written is an endpoint in JSON, with durations as people write them.
type written struct {
	*plain
	Timeout  string `json:"timeout,omitempty"`
	Patience string `json:"patience,omitempty"`
}

type plain Endpoint

// MarshalJSON implements json.Marshaler.
func (e Endpoint) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{(*plain)(&e), e.Timeout.String(), e.Patience.String()})
}

// UnmarshalJSON implements json.Unmarshaler. It knows no other settings.
func (e *Endpoint) UnmarshalJSON(raw []byte) error {
	w := written{plain: (*plain)(e)}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return err
	}
	var err error
	if w.Timeout != "" {
		e.Timeout, err = time.ParseDuration(w.Timeout)
	}
	if w.Patience != "" && err == nil {
		e.Patience, err = time.ParseDuration(w.Patience)
	}
	return err
}

// Key is the endpoint's key as the environment has it; "" where none is wanted. name is for
// the error.
func (e Endpoint) Key(name string, getenv func(string) string) (string, error) {
	if e.KeyEnv == "" {
		return "", nil
	}
	if key := getenv(e.KeyEnv); key != "" {
		return key, nil
	}
	return "", &r1.Error{Name: "endpoint-key-missing", Detail: fmt.Sprintf("the key of the endpoint %s is to be in the variable %s, which is not set where the job runs", name, e.KeyEnv),
		Remedy: fmt.Sprintf("set %s where the engine is started (r1ctl server stop; export %s=…; r1ctl resume RUN), or where r1ctl worker runs", e.KeyEnv, e.KeyEnv)}
}

// endpointsKey is the setting, and EndpointsEnv the variable that holds all of them as JSON.
const (
	endpointsKey = "endpoints"
	EndpointsEnv = "R1CTL_ENDPOINTS"
)

var (
	endpointKeys  = []string{"url", "key_env", "concurrency", "requests_per_minute", "tokens_per_minute", "timeout", "patience"}
	endpointNames = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	variableNames = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// endpointSetting says whether a key of the file is one of an endpoint, and what is
// wrong with one that nearly is.
func endpointSetting(key string) (ours bool, problem string) {
	rest, ours := strings.CutPrefix(key, endpointsKey+".")
	if !ours {
		return false, ""
	}
	name, setting, nested := strings.Cut(rest, ".")
	switch {
	case !nested:
		return true, fmt.Sprintf("endpoints.%s is no map; expected {url: …, key_env: …}", name)
	case slices.Contains(endpointKeys, setting):
		return true, ""
	case setting == "key" || setting == "api_key":
		return true, "a key does not belong into a file of settings; name the variable that holds it: key_env"
	}
	problem = fmt.Sprintf("an endpoint has no setting %q", setting)
	if near := suggest.Nearest(setting, endpointKeys); near != "" {
		problem += fmt.Sprintf("; did you mean %q?", near)
	}
	return true, problem
}

// ParseEndpoints reads the value of EndpointsEnv.
func ParseEndpoints(raw string) (map[string]Endpoint, error) {
	out := map[string]Endpoint{}
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		return nil, endpointError(EndpointsEnv+` is no JSON such as {"name": {"url": "https://…/v1", "key_env": "NAME"}}`, err)
	}
	return out, checkEndpoints(out)
}

// FormatEndpoint is the value of EndpointsEnv for one endpoint.
func FormatEndpoint(name string, e Endpoint) string {
	raw, _ := json.Marshal(map[string]Endpoint{name: e}) // of strings and numbers
	return string(raw)
}

func endpointError(detail string, err error) error {
	return &r1.Error{Name: "config-invalid", Detail: detail, Remedy: "correct the endpoint; its settings are in docs/configuration.md", Err: err}
}

// checkEndpoints fills in what is not said, and refuses what cannot work.
func checkEndpoints(all map[string]Endpoint) error {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		at := "endpoints." + name
		base, err := url.Parse(e.URL)
		switch {
		case !endpointNames.MatchString(name):
			return endpointError(at+": a name has lower case letters, digits and single dashes", nil)
		case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
			return endpointError(at+".url is no http or https address, such as https://api.deepseek.com/v1", nil)
		case base.User != nil:
			return endpointError(at+".url holds a user or a key: name the variable that holds it in key_env", nil)
		case e.KeyEnv != "" && !variableNames.MatchString(e.KeyEnv):
			return endpointError(at+".key_env is not the name of a variable; the key itself does not belong here", nil)
		case e.Concurrency < 0 || e.RequestsPerMinute < 0 || e.TokensPerMinute < 0 || e.Timeout < 0 || e.Patience < 0:
			return endpointError(at+" has a number below 0", nil)
		}
		if e.Concurrency == 0 {
			e.Concurrency = 8
		}
		if e.Timeout == 0 {
			e.Timeout = 20 * time.Minute
		}
		if e.Patience == 0 {
			e.Patience = 30 * time.Minute
		}
		all[name] = e
	}
	return nil
}

// FindEndpoint finds an endpoint by the name that a recipe has for it.
func FindEndpoint(all map[string]Endpoint, name string) (Endpoint, error) {
	if e, ok := all[name]; ok {
		return e, nil
	}
	known := slices.Sorted(maps.Keys(all))
	detail := fmt.Sprintf("the recipe asks the endpoint %q, which this site does not have", name)
	if near := suggest.Nearest(name, known); near != "" {
		detail += fmt.Sprintf("; did you mean %q?", near)
	}
	return Endpoint{}, &r1.Error{Name: "endpoint-unknown", Detail: detail,
		Remedy: fmt.Sprintf("add to r1ctl.yaml: endpoints: {%s: {url: https://…/v1, key_env: THE_VARIABLE_WITH_THE_KEY}}; then r1ctl server stop, and r1ctl resume RUN", name)}
}
