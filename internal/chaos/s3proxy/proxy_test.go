package s3proxy

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// spoilt is what came of requests.
type spoilt struct{ ok, failed, broken, changed int }

func ask(t *testing.T, p *Proxy, n int) (s spoilt) {
	t.Helper()
	body := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	for range n {
		resp, err := http.Post("http://"+p.Addr()+"/bucket/key?partNumber=1", "application/octet-stream", bytes.NewReader(body))
		if err != nil {
			s.broken++
			continue
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil:
			s.broken++
		case resp.StatusCode == http.StatusInternalServerError:
			s.failed++
		case !bytes.Equal(got, body):
			s.changed++
		default:
			s.ok++
		}
	}
	return s
}

func TestModes(t *testing.T) {
	var heard atomic.Int64
	var host atomic.Value
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		host.Store(r.Host + r.URL.RequestURI())
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, _ = w.Write(body)
		}
	}))
	defer echo.Close()
	p, err := New(echo.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()

	if got := ask(t, p, 3); got != (spoilt{ok: 3}) {
		t.Errorf("passed through: %+v", got)
	}
	if got := host.Load(); got != p.Addr()+"/bucket/key?partNumber=1" {
		t.Errorf("the server saw %s: a signature would not hold", got)
	}
	for mode, right := range map[string]func(spoilt) bool{
		Slow:   func(s spoilt) bool { return s == spoilt{ok: 1} },
		Errors: func(s spoilt) bool { return s.failed > 0 && s.ok > 0 && s.broken == 0 && s.changed == 0 },
		Reset:  func(s spoilt) bool { return s.broken > 0 && s.ok > 0 && s.failed == 0 && s.changed == 0 },
	} {
		if err := p.Set(mode); err != nil {
			t.Fatal(err)
		}
		n := 40
		if mode == Slow {
			n = 1
		}
		before := heard.Load()
		got := ask(t, p, n)
		if !right(got) {
			t.Errorf("%s: %+v", mode, got)
		}
		if done := heard.Load() - before; mode != Slow && int(done) <= got.ok {
			t.Errorf("%s: the server heard %d requests and %d were answered: none was carried out and spoilt", mode, done, got.ok)
		}
	}
	if p.Set("no such mode") == nil {
		t.Error("a mode that is none is taken")
	}
}

func TestServerThatIsAway(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	p, err := New(gone.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := ask(t, p, 2); got != (spoilt{broken: 2}) {
		t.Errorf("%+v, want connections that break off", got)
	}
}
