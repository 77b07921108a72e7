package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

var endings = []string{"jsonl", "jsonl.gz", "parquet", "json"}

const licensed = "---\nlicense: apache-2.0\n---\n# A set\n"

// rows are lines that make a file large enough to lie at the other host.
func rows(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"prompt": "%s %d?"}`+"\n", name, i)
	}
	return b.String()
}

func open(t *testing.T, h *hubtest.Hub, address string) *hub.Dataset {
	t.Helper()
	d, err := hub.Open(t.Context(), h.Settings(), address, endings)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return d
}

func readAll(ctx context.Context, d *hub.Dataset) (string, error) {
	all := ""
	for _, f := range d.Files {
		body, err := d.Read(ctx, f)
		if err != nil {
			return all, err
		}
		text, err := io.ReadAll(body)
		body.Close()
		if all += string(text); err != nil {
			return all, err
		}
	}
	return all, nil
}

func paths(d *hub.Dataset) string {
	var out []string
	for _, f := range d.Files {
		out = append(out, f.Path)
	}
	return strings.Join(out, " ")
}

func wantNamed(t *testing.T, err error, name string, texts ...string) {
	t.Helper()
	e, ok := r1.AsError(err)
	if !ok || e.Name != name || e.Remedy == "" {
		t.Fatalf("got %v, want the error %s with a remedy", err, name)
	}
	for _, text := range texts {
		if !strings.Contains(e.Detail+" "+e.Remedy, text) {
			t.Errorf("the error lacks %q: %s; %s", text, e.Detail, e.Remedy)
		}
	}
}

// What an address means follows the card, and without one the names of files.
func TestFilesOfAnAddress(t *testing.T) {
	row := `{"prompt": "1?"}` + "\n"
	h := hubtest.New(t, map[string]hubtest.Repo{
		"by/shards": {Files: map[string]string{
			"README.md": licensed, "data/train-00000-of-00002.parquet": "a", "data/train-00001-of-00002.parquet": "b", "data/test-00000-of-00001.parquet": "c",
			"extra/train.jsonl": row, ".gitattributes": "",
		}},
		"by/card": {Files: map[string]string{
			"README.md": "---\nlicense: [mit, cc-by-4.0]\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    path: main/tr*\n  - split: test\n    path: [main/te.jsonl]\n" +
				"- config_name: extra\n  data_dir: more\n- config_name: flat\n  data_files: \"*.jsonl\"\n---\n",
			"main/tr1.jsonl": row, "main/tr2.jsonl": row, "main/te.jsonl": row, "more/validation.jsonl": row, "more/deep/test-x.jsonl": row, "a.jsonl": row,
		}},
		"by/folder":    {Files: map[string]string{"train/0.jsonl": row, "test/0.jsonl": row, "notes.jsonl": row}},
		"by/name":      {Files: map[string]string{"my_train.jsonl": row, "my_dev.jsonl": row, "dataset_infos.json": "{}"}},
		"by/default":   {Files: map[string]string{"README.md": "---\nlicense: other\nlicense_name: mine\n---", "rows.jsonl": row, "more.jsonl.gz": row}},
		"by/converted": {Tags: []string{"refs/convert/parquet"}, Files: map[string]string{"all/train/0000.parquet": "a", "all/train/0001.parquet": "b", "few/test/0000.parquet": "c"}},
		"by/first":     {Files: map[string]string{"README.md": "---\nconfigs:\n- {config_name: a, data_files: a.jsonl}\n- {config_name: b, data_files: {test: b.jsonl}, default: true}\n---\n", "a.jsonl": row, "b.jsonl": row}},
	})
	for address, want := range map[string]string{
		"hf://by/shards?split=train":                        "data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet",
		"hf://by/shards?config=default&split=test":          "data/test-00000-of-00001.parquet",
		"hf://by/shards/extra":                              "extra/train.jsonl",
		"hf://by/shards/data/train-00001-of-00002.parquet":  "data/train-00001-of-00002.parquet",
		"hf://by/shards/data/*-00000-*":                     "data/test-00000-of-00001.parquet data/train-00000-of-00002.parquet",
		"hf://by/shards/**/*.jsonl":                         "extra/train.jsonl",
		"hf://by/card?config=main&split=train":              "main/tr1.jsonl main/tr2.jsonl",
		"hf://by/card?config=main&split=test":               "main/te.jsonl",
		"hf://by/card?config=extra&split=test":              "more/deep/test-x.jsonl",
		"hf://by/card?config=flat":                          "a.jsonl",
		"hf://by/folder?split=train":                        "train/0.jsonl",
		"hf://by/name?split=validation":                     "my_dev.jsonl",
		"hf://by/default":                                   "more.jsonl.gz rows.jsonl",
		"hf://by/converted@refs/convert/parquet?config=all": "all/train/0000.parquet all/train/0001.parquet",
		"hf://by/first":                                     "b.jsonl",
	} {
		if got := paths(open(t, h, address)); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
	for address, want := range map[string]string{"hf://by/shards?split=test": "apache-2.0", "hf://by/card?config=flat": "mit, cc-by-4.0", "hf://by/default": "mine", "hf://by/folder?split=test": ""} {
		if got := open(t, h, address).Licence; got != want {
			t.Errorf("the licence of %s is %q, want %q", address, got, want)
		}
	}
}

func TestAddressesThatNameNothing(t *testing.T) {
	h := hubtest.New(t, map[string]hubtest.Repo{
		"a/b":    {Tags: []string{"v1.0"}, Files: map[string]string{"README.md": licensed, "train.jsonl": "{}\n", "test.jsonl": "{}\n"}},
		"a/text": {Files: map[string]string{"README.md": licensed, "train.csv": "x"}},
		"a/part": {Files: map[string]string{"data/train-00000-of-00003.parquet": "", "data/train-00002-of-00003.parquet": ""}},
		"a/many": {Files: map[string]string{"README.md": "---\nconfigs:\n- {config_name: algebra, data_files: a.jsonl}\n- {config_name: geometry, data_files: b.jsonl}\n---\n", "a.jsonl": "{}", "b.jsonl": "{}"}},
		"a/card": {Files: map[string]string{"README.md": "---\nconfigs: 7\n---\n", "a.jsonl": "{}"}},
		"a/none": {Files: map[string]string{"README.md": licensed}},
		"a/shut": {Token: "secret", Gated: true, Files: map[string]string{"README.md": licensed, "train.jsonl": "{}"}},
		"a/mine": {Token: "secret", Files: map[string]string{"train.jsonl": "{}"}},
	})
	for address, want := range map[string][]string{
		"hf://a/b":                    {"hub-choice", "several splits", "test, train", "hf://a/b?split=train"},
		"hf://a/b?split=trian":        {"hub-choice", `did you mean "train"?`},
		"hf://a/b?config=big":         {"hub-choice", `no config "big"`, "default"},
		"hf://a/b/trian.jsonl":        {"hub-file-not-found", `did you mean "train.jsonl"?`},
		"hf://a/b/none/x.jsonl":       {"hub-file-not-found", "none/x.jsonl"},
		"hf://a/b@v1.1?split=train":   {"hub-revision-not-found", `no revision "v1.1"`, `did you mean "v1.0"?`},
		"hf://a/text":                 {"hub-format", "train.csv", "jsonl, jsonl.gz, parquet", "hf://a/text@refs/convert/parquet"},
		"hf://a/text/train.csv":       {"hub-format", "train.csv"},
		"hf://a/none":                 {"hub-format", "README.md"},
		"hf://a/part":                 {"hub-incomplete", "2 of the files data/train-*-of-00003 of 3"},
		"hf://a/many":                 {"hub-choice", "several configs", "algebra, geometry", "hf://a/many?config=algebra"},
		"hf://a/many?config=geometri": {"hub-choice", `did you mean "geometry"?`},
		"hf://a/shut":                 {"hub-gated", "no HF_TOKEN is set", "accept its terms at " + h.URL + "/datasets/a/shut"},
		"hf://a/mine":                 {"hub-not-found", "or it is private", "HF_TOKEN"},
		"hf://b/b":                    {"hub-not-found", "no data set b/b"},
		"hf://b":                      {"hub-address-invalid"},
	} {
		_, err := hub.Open(t.Context(), h.Settings(), address, endings)
		if err == nil {
			t.Errorf("%s was opened", address)
			continue
		}
		wantNamed(t, err, want[0], want[1:]...)
	}
	if _, err := hub.Open(t.Context(), h.Settings(), "hf://a/card", endings); err == nil || !strings.Contains(err.Error(), "read the card of hf://a/card") {
		t.Errorf("a card that cannot be read: %v", err)
	}
	for _, endpoint := range []string{"", "ftp://x", "https://user:word@host"} {
		_, err := hub.Open(t.Context(), hub.Settings{Endpoint: endpoint}, "hf://a/b", endings)
		wantNamed(t, err, "hub-endpoint-invalid")
	}
}

// The token opens what is closed, and is told to the endpoint alone.
func TestTokenStaysWithTheEndpoint(t *testing.T) {
	text := rows("closed", 100)
	h := hubtest.New(t, map[string]hubtest.Repo{"a/shut": {Token: "very-secret", Gated: true, Files: map[string]string{"README.md": licensed, "train.jsonl": text}}})
	s := h.Settings()
	s.Token = "very-secret"
	d, err := hub.Open(t.Context(), s, "hf://a/shut", endings)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t.Context(), d)
	if err != nil || got != text {
		t.Fatalf("read %d bytes of %d: %v", len(got), len(text), err)
	}
	if !h.SawToken("front") || h.SawToken("other") {
		t.Errorf("the endpoint saw the token: %t; the host that it redirects to: %t", h.SawToken("front"), h.SawToken("other"))
	}
	s.Token = "wrong-secret"
	_, err = hub.Open(t.Context(), s, "hf://a/shut", endings)
	wantNamed(t, err, "hub-gated", "the HF_TOKEN that is set may not read it")
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v", s, s), err.Error()} {
		if strings.Contains(shown, "secret") {
			t.Errorf("the token is shown: %s", shown)
		}
	}
}

// What passes is ridden out; what is read is what the commit has.
func TestReadingOverABadLine(t *testing.T) {
	text := rows("long", 2000)
	repo := hubtest.Repo{Files: map[string]string{"README.md": licensed, "train.jsonl": text, "small.jsonl": "{}\n"}}
	repos := map[string]hubtest.Repo{"a/b": repo}

	h := hubtest.New(t, repos)
	h.Fail(429, 503, 500)
	d := open(t, h, "hf://a/b/train.jsonl")
	if d.Commit != repo.Commit() {
		t.Errorf("main is %s, want %s", d.Commit, repo.Commit())
	}
	h.Fail(502, 429)
	h.Cut(6) // each time half of the rest
	got, err := readAll(t.Context(), d)
	if err != nil || got != text {
		t.Errorf("read %d bytes of %d: %v", len(got), len(text), err)
	}
	ranges := 0
	for _, line := range h.Log() {
		if strings.Contains(line, "other") && strings.Contains(line, "bytes=") {
			ranges++
		}
	}
	if ranges != 6 {
		t.Errorf("%d requests went on where the one before broke, want 6: %q", ranges, h.Log())
	}

	h.Fail(503, 503, 503, 503, 503, 503)
	if _, err := hub.Open(t.Context(), h.Settings(), "hf://a/b/train.jsonl", endings); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a Hub that stays away: %v", err)
	} else if _, forGood := r1.AsError(err); forGood {
		t.Errorf("an outage is told as an error that stays: %v", err)
	}
	h.Fail()

	h.Damage()
	_, err = readAll(t.Context(), open(t, h, "hf://a/b/train.jsonl"))
	wantNamed(t, err, "hub-digest", "train.jsonl")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hub.Open(ctx, h.Settings(), "hf://a/b", endings); !errors.Is(err, context.Canceled) {
		t.Errorf("when stopped: %v", err)
	}
}

// The cache of the Hub's own client is read, and offline nothing else.
func TestCache(t *testing.T) {
	text := rows("cached", 50)
	repo := hubtest.Repo{Files: map[string]string{"README.md": licensed, "train.jsonl": text}}
	h := hubtest.New(t, map[string]hubtest.Repo{"a/b": repo})
	cache := t.TempDir()
	keep := func(name, text, digest string) {
		t.Helper()
		blob := filepath.Join(cache, "datasets--a--b", "blobs", digest)
		link := filepath.Join(cache, "datasets--a--b", "snapshots", repo.Commit(), name)
		for file, write := range map[string]func() error{
			blob: func() error { return os.WriteFile(blob, []byte(text), 0o600) }, link: func() error { return os.Symlink(blob, link) },
			filepath.Join(cache, "datasets--a--b", "refs", "main"): func() error {
				return os.WriteFile(filepath.Join(cache, "datasets--a--b", "refs", "main"), []byte(repo.Commit()), 0o600)
			},
		} {
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := h.Settings()
	s.Cache = cache
	offline := s
	offline.Offline, offline.Endpoint = true, "http://127.0.0.1:1"
	_, err := hub.Open(t.Context(), offline, "hf://a/b", endings)
	wantNamed(t, err, "hub-not-cached", "hf download --repo-type dataset a/b")

	keep("train.jsonl", text, sha256Of(text))
	keep("README.md", licensed, "card") // a name that is no digest is not compared
	for name, s := range map[string]hub.Settings{"with a network": s, "offline": offline} {
		before := len(h.Log())
		d, err := hub.Open(t.Context(), s, "hf://a/b", endings)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := readAll(t.Context(), d)
		if err != nil || got != text || d.Licence != "apache-2.0" || d.Commit != repo.Commit() {
			t.Errorf("%s: read %d bytes of %d at %s under %q: %v", name, len(got), len(text), d.Commit, d.Licence, err)
		}
		if slices.ContainsFunc(h.Log()[before:], func(l string) bool { return strings.HasPrefix(l, "other") }) {
			t.Errorf("%s: the file was downloaded: %q", name, h.Log()[before:])
		}
	}
}

func TestSettingsFromTheEnvironment(t *testing.T) {
	get := func(env map[string]string) hub.Settings { return hub.FromEnv(func(k string) string { return env[k] }) }
	if s := get(map[string]string{"HOME": "/home/x"}); s.Endpoint != "https://huggingface.co" || s.Cache != "/home/x/.cache/huggingface/hub" || s.Offline || s.Token != "" {
		t.Errorf("got %+v", s)
	}
	s := get(map[string]string{"HOME": "/h", "HF_HOME": "/hf", "HF_ENDPOINT": "http://mirror:8080/", "HF_HUB_OFFLINE": "true", "HF_TOKEN": "t"})
	if s.Endpoint != "http://mirror:8080" || s.Cache != "/hf/hub" || !s.Offline || s.Token != "t" {
		t.Errorf("got %+v", s)
	}
	if s := get(map[string]string{"HF_HOME": "/hf", "HF_HUB_CACHE": "/c"}); s.Cache != "/c" {
		t.Errorf("got %+v", s)
	}
}
