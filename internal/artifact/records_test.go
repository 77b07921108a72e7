package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/r1ctl/r1ctl/internal/artifact/gatewaytest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

type note struct {
	By    string `json:"by"`
	Count int    `json:"count"`
}

func TestRecordsRoundTrip(t *testing.T) {
	s := newStore(t)
	var got note
	if err := s.GetJSON(t.Context(), "a/none.json", &got); !errors.Is(err, r1.ErrNotFound) {
		t.Fatalf("missing record: %v", err)
	}
	for i := range 2 { // the second overwrites
		if err := s.PutJSON(t.Context(), "a/b.json", note{By: "<x>", Count: i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.GetJSON(t.Context(), "a/b.json", &got); err != nil || got != (note{"<x>", 1}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if there, err := s.Exists(t.Context(), "a/b.json"); err != nil || !there {
		t.Fatalf("exists: %v, %v", there, err)
	}
	for range 2 { // deleting what is gone is no error
		if err := s.Delete(t.Context(), "a/b.json"); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := s.Exists(t.Context(), "a/b.json"); err != nil || there {
		t.Fatalf("exists after delete: %v, %v", there, err)
	}
	// A file, stored as it is when it is read.
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("line\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.PutFile(t.Context(), "a/log", log); err != nil {
		t.Fatal(err)
	}
	if o, err := s.Head(t.Context(), "a/log"); err != nil || o.Size != 5 || o.SHA256 != digest([]byte("line\n")) {
		t.Fatalf("%+v, %v", o, err)
	}
	// A key below an object is not there either, whatever the server keeps files as.
	if err := s.PutJSON(t.Context(), "a/c", 1); err != nil {
		t.Fatal(err)
	}
	if err := s.GetJSON(t.Context(), "a/c/d", &got); !errors.Is(err, r1.ErrNotFound) {
		t.Fatalf("record below a record: %v", err)
	}
}

func TestRangesAndListing(t *testing.T) {
	s := newStore(t)
	for _, key := range []string{"x/1/a", "x/2/b", "x/3", "y"} {
		if err := s.PutBytes(t.Context(), key, []byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		offset, length int64
		want           string
	}{
		"all":              {0, -1, "0123456789"},
		"from an offset":   {7, -1, "789"},
		"a range":          {2, 3, "234"},
		"nothing":          {2, 0, ""},
		"at the end":       {10, -1, ""},
		"behind the end":   {11, 5, ""},
		"over the end":     {8, 100, "89"},
		"one byte, first":  {0, 1, "0"},
		"all, with length": {0, 10, "0123456789"},
	} {
		r, err := s.Get(t.Context(), "y", c.offset, c.length)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
	var keys, folders []string
	for o, err := range s.List(t.Context(), "x/") {
		if err != nil || o.Size != 10 {
			t.Fatal(o, err)
		}
		keys = append(keys, o.Key)
	}
	for p, err := range s.ListPrefixes(t.Context(), "x/") {
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, p)
	}
	if fmt.Sprint(keys) != "[x/1/a x/2/b x/3]" || fmt.Sprint(folders) != "[x/1/ x/2/]" {
		t.Errorf("listed %v and %v", keys, folders)
	}
}

func TestReadResumesWhereTheConnectionBroke(t *testing.T) {
	s := newStore(t)
	data := noisy(300_000, 3)
	if err := s.PutBytes(t.Context(), "log", data); err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	flaky := behindFaults(t, s.bucket, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method != http.MethodGet || requests.Add(1) > 3 {
			return false
		}
		next.ServeHTTP(&cutWriter{ResponseWriter: w, left: 70_000}, r)
		return true
	})
	r, err := flaky.Get(t.Context(), "log", 1000, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data[1000:]) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if n := requests.Load(); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

// cutWriter breaks the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, _ := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

func TestOneOfManyWritersWins(t *testing.T) {
	s := newStore(t)
	for race := range 20 {
		key := fmt.Sprintf("race/%d.json", race)
		var winners atomic.Int32
		var winner atomic.Value
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				mine := note{By: fmt.Sprint(i)}
				won, err := s.PutJSONIfAbsent(t.Context(), key, mine)
				if err != nil {
					t.Error(err)
				}
				if won {
					winners.Add(1)
					winner.Store(mine)
				}
			})
		}
		wg.Wait()
		var stored note
		if err := s.GetJSON(t.Context(), key, &stored); err != nil {
			t.Fatal(err)
		}
		if winners.Load() != 1 || stored != winner.Load() {
			t.Fatalf("race %d: %d winners, stored %v, winner %v", race, winners.Load(), stored, winner.Load())
		}
	}
}

func TestWinnerWhoseReplyWasLostLearnsThatItWon(t *testing.T) {
	var lost atomic.Bool
	s := behindFaults(t, testConfig().Bucket, func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Header.Get("If-None-Match") != "" && lost.CompareAndSwap(false, true) {
			loseReply(r, next)
		}
		return false
	})
	won, err := s.PutJSONIfAbsent(t.Context(), "k.json", note{By: "me"})
	if err != nil || !won || !lost.Load() {
		t.Fatalf("won %v, %v", won, err)
	}
	won, err = s.PutJSONIfAbsent(t.Context(), "k.json", note{By: "other"})
	if err != nil || won {
		t.Fatalf("the second writer: won %v, %v", won, err)
	}
}

func TestConflictIsRetried(t *testing.T) {
	var conflicts atomic.Int32
	s := behindFaults(t, testConfig().Bucket, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Header.Get("If-None-Match") == "" || conflicts.Add(1) > 2 {
			return false
		}
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, "<Error><Code>ConditionalRequestConflict</Code><Message>another write is under way</Message></Error>")
		return true
	})
	won, err := s.PutJSONIfAbsent(t.Context(), "k.json", note{By: "me"})
	if err != nil || !won || conflicts.Load() != 3 {
		t.Fatalf("won %v, %v after %d tries", won, err, conflicts.Load())
	}
}

func TestConcurrentUpdatesAreAllKept(t *testing.T) {
	s := newStore(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 5 {
				err := UpdateJSON(t.Context(), s, "n.json", func(n *note) error { n.Count++; return nil })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var got note
	if err := s.GetJSON(t.Context(), "n.json", &got); err != nil || got.Count != 30 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestKeysMustBeCanonical(t *testing.T) {
	for _, key := range []string{"a", "a/b.c", "recipe/run/_jobs/x", "naïve name+", strings.Repeat("s", 255) + "/x"} {
		if err := CheckKey(key); err != nil {
			t.Error(err)
		}
	}
	s := newStore(t)
	for _, key := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".", "a\\b", "a\nb", "a\xff",
		strings.Repeat("s", 256), strings.Repeat("s/", 600) + "s"} {
		if CheckKey(key) == nil {
			t.Errorf("key %q was accepted", key)
		}
		if s.PutJSON(t.Context(), key, 1) == nil {
			t.Errorf("object %q was written", key)
		}
	}
}

func TestOutagesAreToldFromAnswers(t *testing.T) {
	ctx := t.Context()
	s := newStore(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	listener.Close()
	try := func(change func(*Config)) error {
		cfg := testConfig()
		cfg.Bucket = s.bucket
		change(&cfg)
		other, err := New(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return withoutRetries(other).GetJSON(ctx, "x", new(note))
	}
	status := http.StatusServiceUnavailable
	down := behindFaults(t, s.bucket, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodHead { // the store is opened through it
			return false
		}
		w.WriteHeader(status)
		return true
	})
	answer := func(code int) error {
		status = code
		return withoutRetries(down).GetJSON(ctx, "x", new(note))
	}
	hasty, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	given, giveUp := context.WithCancel(ctx)
	giveUp()
	for name, c := range map[string]struct {
		err         error
		unavailable bool
		named       string
	}{
		"nothing listens":   {try(func(c *Config) { c.Endpoint = closed }), true, "s3-unavailable"},
		"server error":      {answer(503), true, "s3-unavailable"},
		"throttled":         {answer(429), true, "s3-unavailable"},
		"not implemented":   {answer(501), false, ""},
		"no answer in time": {s.GetJSON(hasty, "x", new(note)), true, "s3-unavailable"},
		"we gave up":        {s.GetJSON(given, "x", new(note)), false, ""},
		"wrong secret":      {try(func(c *Config) { c.SecretKey = "wrong" }), false, "s3-denied"},
		"unknown key":       {try(func(c *Config) { c.AccessKey = "nobody" }), false, "s3-denied"},
		"missing bucket":    {try(func(c *Config) { c.Bucket = "no-such-bucket" }), false, "s3-bucket-missing"},
		"no such object":    {s.GetJSON(ctx, "x", new(note)), false, ""},
		"no error":          {nil, false, ""},
		"our own file gone": {s.PutFile(ctx, "x", "/does/not/exist"), false, ""},
		"full local disk":   {&os.PathError{Op: "write", Path: "x", Err: io.ErrShortWrite}, false, ""},
	} {
		if got := IsUnavailable(c.err); got != c.unavailable {
			t.Errorf("%s: unavailable %v for %v", name, got, c.err)
		}
		if c.named != "" {
			wantError(t, c.err, c.named)
		}
		if c.err != nil && strings.Contains(c.err.Error(), gatewaytest.Secret) {
			t.Errorf("%s shows the secret: %v", name, c.err)
		}
	}
}

// withoutRetries judges the first answer.
func withoutRetries(s *Store) *Store {
	s.client = s3.New(s.client.Options(), func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	return s
}

func TestConfigIsCheckedAndShowsNoSecrets(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no bucket":               func(c *Config) { c.Bucket = "" },
		"half a credential":       func(c *Config) { c.SecretKey = "" },
		"not a URL":               func(c *Config) { c.Endpoint = "localhost:9000" },
		"credentials in endpoint": func(c *Config) { c.Endpoint = "http://u:p@localhost" },
	} {
		cfg := testConfig()
		change(&cfg)
		_, err := New(t.Context(), cfg)
		if err == nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		wantError(t, err, "s3-config")
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", testConfig(), testConfig(), testConfig(), testConfig()); strings.Contains(shown, gatewaytest.Secret) {
		t.Error(shown)
	}
}

func TestProbe(t *testing.T) {
	s := newStore(t)
	if err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := s.FilesUnder(t.Context(), "_probe"); err != nil || len(left) != 0 {
		t.Errorf("the probe left %v, %v", left, err)
	}
	for header, name := range map[string]string{
		"If-None-Match": "s3-not-conditional", "If-Match": "s3-not-conditional",
	} {
		// A server that does not know the header: it ignores it.
		ignorant := behindFaults(t, s.bucket, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if r.Method == http.MethodPut && r.Header.Get(header) != "" {
				if err := s.PutBytes(r.Context(), strings.TrimPrefix(r.URL.Path, "/"+s.bucket+"/"), readBody(t, r)); err != nil {
					t.Error(err)
				}
				return true
			}
			return false
		})
		wantError(t, ignorant.Probe(t.Context()), name)
	}
}

func readBody(t *testing.T, r *http.Request) []byte {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return data
}
