package embed_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/embed"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// byLength is a scripted vector: two texts of one length have the same.
func byLength(text string) []float32 { return []float32{3, 4 * float32(len(text))} }

func embedder(t *testing.T, url, root string) *embed.Embedder {
	t.Helper()
	client, err := chat.New(chat.Config{URL: url, Key: "k3y", Pause: time.Millisecond, Patience: 2 * time.Second, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	e, err := embed.New(embed.Model{Name: "scripted"}, client, root, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func texts(n int) (all []string) {
	for i := range n {
		all = append(all, strings.Repeat("x", i+1))
	}
	return all
}

// An endpoint that fails in every way it can gives the same vectors in the end, and every
// text is answered once.
func TestEmbedOverFaults(t *testing.T) {
	server := scripted.NewEmbeddings(t, byLength, func(r scripted.EmbeddingRequest) scripted.Reply {
		if r.Key != "Bearer k3y" || r.Model != "scripted" {
			return scripted.Error(401, "", "who are you?")
		}
		switch r.Count {
		case 1:
			return scripted.Reply{Status: 429, Header: map[string]string{"Retry-After": "0"}, Raw: "{}"}
		case 2:
			return scripted.Reply{Cut: true}
		case 3:
			return scripted.Reply{Reset: true}
		case 4:
			return scripted.Reply{Raw: `{"data": [{"index": 0, "embedding": [1, 2]}]}`} // too few
		case 5:
			return scripted.Reply{Status: 503, Raw: "busy"}
		case 6: // the right number, one of another size
			return scripted.Reply{Raw: `{"data": [` + strings.Repeat(`{"embedding": [1, 2]},`, len(r.Input)-1) + `{"embedding": [1]}]}`}
		}
		return scripted.Reply{}
	})
	root, all := t.TempDir(), texts(200)
	e := embedder(t, server.URL, root)
	first, err := e.Embed(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range first {
		want := byLength(all[i])
		if ratio := v[1] / v[0]; len(v) != 2 || ratio < want[1]/want[0]*0.999 || ratio > want[1]/want[0]*1.001 || v[0]*v[0]+v[1]*v[1] < 0.999 || v[0]*v[0]+v[1]*v[1] > 1.001 {
			t.Fatalf("text %d: %v is not the direction of %v", i, v, want)
		}
	}
	for text, n := range server.Paid() {
		if n != 1 {
			t.Errorf("%q was paid for %d times", text, n)
		}
	}
	// A later process asks for nothing that this one was answered, a cut file included.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(root, "*", "*.vectors"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	info, _ := os.Stat(files[0])
	if err := os.Truncate(files[0], info.Size()-1); err != nil {
		t.Fatal(err)
	}
	again := embedder(t, server.URL, root)
	second, err := again.Embed(t.Context(), all)
	if err != nil || fmt.Sprint(second) != fmt.Sprint(first) || again.Asked() != 1 {
		t.Errorf("%v, asked again for %d texts, want the one that was cut", err, again.Asked())
	}
}

// A damaged vector is no vector.
func TestDamageIsFound(t *testing.T) {
	server := scripted.NewEmbeddings(t, byLength, nil)
	root := t.TempDir()
	e := embedder(t, server.URL, root)
	if _, err := e.Embed(t.Context(), texts(1)); err != nil {
		t.Fatal(err)
	}
	_ = e.Close()
	files, _ := filepath.Glob(filepath.Join(root, "*", "*.vectors"))
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-2] ^= 1
	if err := os.WriteFile(files[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedder(t, server.URL, root).Embed(t.Context(), texts(1)); err != nil || server.Count() != 2 {
		t.Errorf("%v, %d requests", err, server.Count())
	}
}

// What an endpoint refuses, and what is too long for the model, is one text's matter.
func TestRefusedTextsAreFound(t *testing.T) {
	server := scripted.NewEmbeddings(t, byLength, func(r scripted.EmbeddingRequest) scripted.Reply {
		for _, text := range r.Input {
			switch len(text) {
			case 17:
				return scripted.Error(400, "content_filter", "no")
			case 90:
				return scripted.Error(400, "context_length_exceeded", "maximum context length is 80")
			}
		}
		return scripted.Reply{}
	})
	got, err := embedder(t, server.URL, t.TempDir()).Embed(t.Context(), texts(100))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if refused := i+1 == 17 || i+1 == 90; refused != (v == nil) {
			t.Errorf("text %d: %v", i, v)
		}
	}
}

// Failures have the names that those of completions have; none is a vector.
func TestEmbedFails(t *testing.T) {
	cases := map[string]struct {
		reply  scripted.Reply
		vector func(string) []float32
		name   string
		class  r1.Class
	}{
		"away":                           {reply: scripted.Reply{Status: 503, Raw: "down"}, name: "endpoint-outage", class: r1.ClassInfrastructure},
		"key":                            {reply: scripted.Error(401, "", "no"), name: "endpoint-key", class: r1.ClassConfig},
		"everything is refused":          {reply: scripted.Error(400, "", "no dimensions, please"), name: "endpoint-request", class: r1.ClassConfig},
		"no route":                       {reply: scripted.Reply{Raw: `{"choices": []}`}, name: "endpoint-answer", class: r1.ClassConfig},
		"no vectors":                     {vector: func(string) []float32 { return []float32{0, 0} }, name: "endpoint-answer", class: r1.ClassConfig},
		"another size in another answer": {vector: func(text string) []float32 { return make1(2 + len(text)/100) }, name: "embedding-size"},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			vector := c.vector
			if vector == nil {
				vector = byLength
			}
			server := scripted.NewEmbeddings(t, vector, func(scripted.EmbeddingRequest) scripted.Reply { return c.reply })
			_, err := embedder(t, server.URL, t.TempDir()).Embed(t.Context(), append(texts(64), strings.Repeat("y", 100)))
			e, ok := r1.AsError(err)
			if !ok || e.Name != c.name || strings.Contains(err.Error(), "k3y") {
				t.Errorf("got %v, want %s", err, c.name)
			}
			var f *chat.Failure
			if c.class != "" && (!errors.As(err, &f) || f.Class != c.class) {
				t.Errorf("class of %v", err)
			}
		})
	}
}

// Whoever is called off hears of it, and gets no vectors.
func TestEmbedIsCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := scripted.NewEmbeddings(t, byLength, func(scripted.EmbeddingRequest) scripted.Reply { cancel(); return scripted.Reply{} })
	if got, err := embedder(t, server.URL, t.TempDir()).Embed(ctx, texts(500)); err == nil || got != nil {
		t.Errorf("%d vectors, %v", len(got), err)
	}
}

func make1(n int) []float32 {
	v := make([]float32, n)
	v[0] = 1
	return v
}

// Refused texts among kept ones are for what they say, however many: a text that was answered
// before is asked once more, and tells. Of an endpoint that takes nothing any more it tells too.
func TestRefusalsAmongKeptVectors(t *testing.T) {
	refuse := func(r scripted.EmbeddingRequest) bool {
		for _, text := range r.Input {
			if strings.HasPrefix(text, "secret") {
				return true
			}
		}
		return false
	}
	broken := false
	server := scripted.NewEmbeddings(t, byLength, func(r scripted.EmbeddingRequest) scripted.Reply {
		if broken || refuse(r) {
			return scripted.Error(400, "", "not this")
		}
		return scripted.Reply{}
	})
	var secrets []string
	for i := range 10 {
		secrets = append(secrets, fmt.Sprint("secret ", i))
	}
	root, all := t.TempDir(), append(texts(20), secrets...)
	for try := range 3 {
		broken = try == 2
		e := embedder(t, server.URL, root)
		got, err := e.Embed(t.Context(), all)
		if broken {
			if known, ok := r1.AsError(err); !ok || known.Name != "endpoint-request" || !strings.Contains(err.Error(), "not this") {
				t.Errorf("an endpoint that takes nothing: %v", err)
			}
			continue
		}
		if err != nil || got[19] == nil || got[20] != nil {
			t.Fatalf("try %d: %v", try, err)
		}
	}
}

// A text that is there twice is asked about once.
func TestEqualTextsAreAskedAboutOnce(t *testing.T) {
	server := scripted.NewEmbeddings(t, byLength, nil)
	got, err := embedder(t, server.URL, t.TempDir()).Embed(t.Context(), append(texts(3), texts(3)...))
	if err != nil || len(got) != 6 || &got[0][0] != &got[3][0] {
		t.Fatalf("%v, %v", got, err)
	}
	for text, n := range server.Paid() {
		if n != 1 {
			t.Errorf("%q was paid for %d times", text, n)
		}
	}
}

// Another address is another model, whatever its name.
func TestAddressesDoNotShareVectors(t *testing.T) {
	root := t.TempDir()
	for range 2 {
		server := scripted.NewEmbeddings(t, byLength, nil)
		if _, err := embedder(t, server.URL, root).Embed(t.Context(), texts(3)); err != nil {
			t.Fatal(err)
		}
		if server.Count() == 0 {
			t.Error("the vectors of another address were taken")
		}
	}
}
