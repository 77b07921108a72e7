package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

const mark = "marker.json"

// uploaded are files in memory. A file whose content is read gives no more than it is asked for.
func uploaded(files map[string]string) []hub.UploadFile {
	var out []hub.UploadFile
	for _, path := range slices.Sorted(maps.Keys(files)) {
		content := files[path]
		out = append(out, hub.UploadFile{Path: path, Size: int64(len(content)), SHA256: sha256Of(content),
			Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(content[offset : offset+length])), nil
			}})
	}
	return out
}

func upload(t *testing.T, files map[string]string) hub.Upload {
	return hub.Upload{
		Repo: "org/model", Private: true, Message: "first light", Files: uploaded(files), Marker: mark, Dir: t.TempDir(),
		Judge: func([]byte, []string) ([]string, bool, error) { return nil, false, nil },
	}
}

func model() map[string]string {
	return map[string]string{
		"config.json": `{"hidden_size": 8}`, "empty.txt": "", "model-00001.safetensors": strings.Repeat("weights ", 1000),
		"sub/tokenizer.json": strings.Repeat("token ", 900), mark: `{"by": "me"}`, "copy.safetensors": strings.Repeat("weights ", 1000),
	}
}

// held is what a branch holds but for what the Hub put there.
func held(h *hubtest.Writable, repo, branch string) map[string]string {
	list := h.History(repo, branch)
	if len(list) == 0 {
		return nil
	}
	files := maps.Clone(list[len(list)-1].Files)
	delete(files, ".gitattributes")
	return files
}

func TestPushMakesOneCommit(t *testing.T) {
	for name, part := range map[string]int{"in one piece": 0, "in parts": 1500} {
		h := hubtest.NewWritable(t)
		h.Part = part
		var done, total int64
		u := upload(t, model())
		u.Progress = func(d, n int64) { done, total = d, n }
		made, err := hub.Push(t.Context(), h.Settings(), u)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		history := h.History("models/org/model", "main")
		if len(history) != 2 || history[1].OID != made.Commit || history[1].Message != "first light" || made.Already || !maps.Equal(held(h, "models/org/model", "main"), model()) {
			t.Errorf("%s: %d commits, the last %q by %+v", name, len(history), history[len(history)-1].Message, made)
		}
		if !h.Private("models/org/model") || made.URL != h.URL+"/org/model/tree/"+made.Commit || h.SawToken("storage") || done == 0 || done > total {
			t.Errorf("%s: private %t, at %s, token at the storage %t, %d of %d bytes", name, h.Private("models/org/model"), made.URL, h.SawToken("storage"), done, total)
		}
		sent := len(h.Log())
		again, err := hub.Push(t.Context(), h.Settings(), u)
		if err != nil || !again.Already || again.Commit != made.Commit || len(h.History("models/org/model", "main")) != 2 {
			t.Errorf("%s: a second push: %+v, %v", name, again, err)
		}
		for _, line := range h.Log()[sent:] {
			if !strings.HasPrefix(line, "GET") {
				t.Errorf("%s: a second push sent %s", name, line)
			}
		}
	}
}

func TestPushToABranchOfADataset(t *testing.T) {
	h := hubtest.NewWritable(t)
	u := upload(t, map[string]string{"data.jsonl": "{}\n", mark: "{}"})
	u.Dataset, u.Branch, u.Private = true, "runs/a", false
	made, err := hub.Push(t.Context(), h.Settings(), u)
	if err != nil || len(h.History("datasets/org/model", "main")) != 1 || len(h.History("datasets/org/model", "runs/a")) != 2 || h.Private("datasets/org/model") {
		t.Fatalf("%+v, %v: %v", made, err, h.Log())
	}
	if !strings.HasPrefix(made.URL, h.URL+"/datasets/org/model/tree/") {
		t.Errorf("at %s", made.URL)
	}
}

// What the Hub has is not sent, and what is to go goes in the same commit.
func TestPushOfAChange(t *testing.T) {
	h := hubtest.NewWritable(t)
	files := model()
	if _, err := hub.Push(t.Context(), h.Settings(), upload(t, files)); err != nil {
		t.Fatal(err)
	}
	before := len(h.Log())
	files["config.json"] = `{"hidden_size": 9}`
	delete(files, "sub/tokenizer.json")
	u := upload(t, files)
	u.Judge = func(marker []byte, paths []string) ([]string, bool, error) {
		if string(marker) != `{"by": "me"}` || !slices.Contains(paths, "sub/tokenizer.json") {
			t.Errorf("judged by %q and %q", marker, paths)
		}
		return []string{"sub/tokenizer.json", "never-there"}, false, nil
	}
	if _, err := hub.Push(t.Context(), h.Settings(), u); err != nil || !maps.Equal(held(h, "models/org/model", "main"), files) {
		t.Fatalf("%v: it holds %q", err, held(h, "models/org/model", "main"))
	}
	for _, line := range h.Log()[before:] {
		if strings.Contains(line, "storage") || strings.Contains(line, "batch") {
			t.Errorf("it sent %s", line)
		}
	}
}

// Whatever request breaks, before or after it took effect, and whether the process dies of
// it or goes on: in the end there is one commit, which holds all.
func TestPushBrokenAnywhere(t *testing.T) {
	requests := 0
	for _, fault := range []hubtest.Fault{hubtest.DropBefore, hubtest.DropAfter} {
		for n := 0; n == 0 || n < requests; n++ {
			h := hubtest.NewWritable(t)
			h.Part = 3000
			h.Fault = func(i int, _ string) hubtest.Fault {
				if i == n {
					return fault
				}
				return hubtest.None
			}
			// It dies: no call after the broken one.
			ctx, die := context.WithCancel(t.Context())
			dying := h.Fault
			h.Fault = func(i int, what string) hubtest.Fault {
				if i == n {
					defer die()
				}
				return dying(i, what)
			}
			_, err := hub.Push(ctx, h.Settings(), upload(t, model()))
			die()
			h.Fault = nil
			made, again := hub.Push(t.Context(), h.Settings(), upload(t, model()))
			if again != nil {
				t.Fatalf("request %d broken (%v), the second push: %v", n, err, again)
			}
			history := h.History("models/org/model", "main")
			if len(history) != 2 || made.Commit != history[1].OID || !maps.Equal(held(h, "models/org/model", "main"), model()) {
				t.Errorf("request %d broken by %d: %d commits, %q", n, fault, len(history), h.Log())
			}
			requests = max(requests, len(h.Log())/2)

			// It lives, and goes on by itself.
			h = hubtest.NewWritable(t)
			h.Fault = dying
			if _, err := hub.Push(t.Context(), h.Settings(), upload(t, model())); err != nil || len(h.History("models/org/model", "main")) != 2 {
				t.Errorf("request %d broken by %d: %v, %d commits", n, fault, err, len(h.History("models/org/model", "main")))
			}
		}
	}
	if requests < 10 {
		t.Errorf("a push makes %d requests: too few were broken", requests)
	}
}

func TestPushOverABadLine(t *testing.T) {
	h := hubtest.NewWritable(t)
	for i := range 14 { // each request once
		h := hubtest.NewWritable(t)
		h.Fault = func(n int, _ string) hubtest.Fault {
			if n == i {
				h.Fail([]int{429, 503, 500}[i%3])
			}
			return hubtest.None
		}
		if _, err := hub.Push(t.Context(), h.Settings(), upload(t, model())); err != nil || len(h.History("models/org/model", "main")) != 2 {
			t.Errorf("a failing answer after request %d: %v", i, err)
		}
	}
	h.Fail(slices.Repeat([]int{503}, 50)...)
	_, err := hub.Push(t.Context(), h.Settings(), upload(t, model()))
	if _, forGood := r1.AsError(err); err == nil || forGood {
		t.Errorf("a Hub that stays away: %v", err)
	}
}

// Somebody else commits in between: theirs stays, and ours comes after it.
func TestPushBesideOthers(t *testing.T) {
	h := hubtest.NewWritable(t)
	times := 0
	h.Fault = func(_ int, what string) hubtest.Fault {
		if strings.Contains(what, "/commit/") && times < 2 {
			times++
			h.Change("models/org/model", "main", map[string]string{fmt.Sprintf("theirs-%d", times): "x"})
		}
		return hubtest.None
	}
	if _, err := hub.Push(t.Context(), h.Settings(), upload(t, model())); err != nil {
		t.Fatal(err)
	}
	got := held(h, "models/org/model", "main")
	if got["theirs-2"] != "x" || got["config.json"] == "" || len(h.History("models/org/model", "main")) != 4 {
		t.Errorf("the branch holds %q", slices.Sorted(maps.Keys(got)))
	}
}

func TestPushAsksAgainWhereAnAddressExpired(t *testing.T) {
	h := hubtest.NewWritable(t)
	expired := false
	h.Fault = func(_ int, what string) hubtest.Fault {
		if strings.HasPrefix(what, "PUT") && !expired {
			expired = true
			h.Expire()
		}
		return hubtest.None
	}
	if _, err := hub.Push(t.Context(), h.Settings(), upload(t, model())); err != nil || !expired {
		t.Fatal(err)
	}
	h = hubtest.NewWritable(t)
	h.Fault = func(_ int, what string) hubtest.Fault {
		if strings.HasPrefix(what, "PUT") {
			h.Expire()
		}
		return hubtest.None
	}
	_, err := hub.Push(t.Context(), h.Settings(), upload(t, model()))
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") || strings.Contains(err.Error(), "Signature") || strings.Contains(err.Error(), h.Token) {
		t.Errorf("addresses that always expire: %v", err)
	}
}

func TestPushThatIsRefused(t *testing.T) {
	h := hubtest.NewWritable(t)
	h.Change("models/org/open", "main", map[string]string{"README.md": "mine"})
	h.Change("models/other/open", "main", map[string]string{"README.md": "theirs"})
	own := errors.New("by the judge")
	for name, c := range map[string]struct {
		change func(*hub.Upload, *hub.Settings)
		want   string
	}{
		"without a token":        {func(_ *hub.Upload, s *hub.Settings) { s.Token = "" }, "hub-token-missing"},
		"offline":                {func(_ *hub.Upload, s *hub.Settings) { s.Offline = true }, "hub-offline"},
		"with a wrong token":     {func(_ *hub.Upload, s *hub.Settings) { s.Token = "hf_wrong" }, "hub-denied"},
		"to another's namespace": {func(u *hub.Upload, _ *hub.Settings) { u.Repo = "other/new" }, "hub-denied"},
		"to another's repo":      {func(u *hub.Upload, _ *hub.Settings) { u.Repo, u.Private = "other/open", false }, "hub-denied"},
		"private to a public":    {func(u *hub.Upload, _ *hub.Settings) { u.Repo = "org/open" }, "hub-public"},
	} {
		u, s := upload(t, model()), h.Settings()
		c.change(&u, &s)
		_, err := hub.Push(t.Context(), s, u)
		wantNamed(t, err, c.want)
		if strings.Contains(err.Error(), h.Token) || strings.Contains(err.Error(), "hf_wrong") {
			t.Errorf("%s: the token is shown: %v", name, err)
		}
	}
	u := upload(t, model())
	u.Judge = func([]byte, []string) ([]string, bool, error) { return nil, false, own }
	if _, err := hub.Push(t.Context(), h.Settings(), u); !errors.Is(err, own) || len(h.History("models/org/model", "main")) != 1 {
		t.Errorf("against the judge: %v", err)
	}
}

func TestWhatTheHubLacks(t *testing.T) {
	h := hubtest.NewWritable(t)
	u := upload(t, model())
	if missing, err := hub.Missing(t.Context(), h.Settings(), u); err != nil || len(missing) != len(u.Files) {
		t.Errorf("of a repo that is not there: %q, %v", missing, err)
	}
	if _, err := hub.Push(t.Context(), h.Settings(), u); err != nil {
		t.Fatal(err)
	}
	if missing, err := hub.Missing(t.Context(), h.Settings(), u); err != nil || len(missing) > 0 {
		t.Errorf("of a whole one: %q, %v", missing, err)
	}
	h.Change("models/org/model", "main", map[string]string{"copy.safetensors": "", "model-00001.safetensors": strings.Repeat("WEIGHTS ", 1000)})
	if missing, err := hub.Missing(t.Context(), h.Settings(), u); err != nil || !slices.Equal(missing, []string{"copy.safetensors", "model-00001.safetensors"}) {
		t.Errorf("of a changed one: %q, %v", missing, err)
	}
	h.Fail(slices.Repeat([]int{503}, 20)...)
	if missing, err := hub.Missing(t.Context(), h.Settings(), u); err == nil {
		t.Errorf("of a Hub that is away: %q", missing)
	}
}
