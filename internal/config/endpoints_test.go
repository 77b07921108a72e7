package config

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestEndpoints(t *testing.T) {
	file := write(t, `endpoints:
  deepseek: {url: "https://api.deepseek.com/v1", key_env: DEEPSEEK_API_KEY, concurrency: 32, requests_per_minute: 600, tokens_per_minute: 100000, timeout: 15m}
  my-vllm: {url: "http://127.0.0.1:8000/v1"}
`)
	cfg, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Endpoint{URL: "https://api.deepseek.com/v1", KeyEnv: "DEEPSEEK_API_KEY", Concurrency: 32, RequestsPerMinute: 600,
		TokensPerMinute: 100000, Timeout: 15 * time.Minute, Patience: 30 * time.Minute}
	if got := cfg.Endpoints["deepseek"]; got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := cfg.Endpoints["my-vllm"]; got.Concurrency != 8 || got.Timeout != 20*time.Minute || got.KeyEnv != "" {
		t.Errorf("defaults %+v", got)
	}
	t.Run("travel through the environment", func(t *testing.T) {
		raw, err := json.Marshal(cfg.Endpoints)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(EndpointsEnv, string(raw))
		again, err := Load(write(t, "site: {slots: 1}\n"), nil)
		if err != nil || len(again.Endpoints) != 2 || again.Endpoints["deepseek"] != want {
			t.Errorf("got %+v, %v", again.Endpoints, err)
		}
	})
	t.Run("one that is not there", func(t *testing.T) {
		_, err := FindEndpoint(cfg.Endpoints, "deepsek")
		if err == nil || !strings.Contains(err.Error(), `did you mean "deepseek"`) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBadEndpointsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown setting":  {`{x: {url: "http://a/v1", key: sk-1}}`, "a key does not belong into a file of settings"},
		"a misspelt one":   {`{x: {url: "http://a/v1", concurency: 1}}`, `an endpoint has no setting "concurency"; did you mean "concurrency"?`},
		"no map":           {`{x: "http://a/v1"}`, "endpoints.x is no map"},
		"no address":       {`{x: {key_env: A}}`, "endpoints.x.url is no http or https address"},
		"a key in the url": {`{x: {url: "https://me:sk-1@a/v1"}}`, "name the variable that holds it in key_env"},
		"a key as name":    {`{x: {url: "https://a/v1", key_env: "sk-123"}}`, "the key itself does not belong here"},
		"a bad name":       {`{my_x: {url: "https://a/v1"}}`, "endpoints.my_x: a name has"},
		"a bad time":       {`{x: {url: "https://a/v1", timeout: soon}}`, "wrong type"},
		"below zero":       {`{x: {url: "https://a/v1", concurrency: -1}}`, "below 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, "endpoints: "+c.yaml+"\n"), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sk-1") {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
	for _, raw := range []string{"[]", `{"x": {"url": "http://a", "key": "sk-1"}}`, `{"x": {"url": "http://a", "timeout": "soon"}}`} {
		if _, err := ParseEndpoints(raw); err == nil {
			t.Errorf("%s is taken", raw)
		}
	}
}
