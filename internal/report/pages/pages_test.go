package pages_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/report/link"
	"github.com/r1ctl/r1ctl/internal/report/pages"
	"github.com/r1ctl/r1ctl/internal/report/reporttest"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// garden serves the test run, of which the index knows.
func garden(t *testing.T, f *reporttest.Fixture, status error) http.Handler {
	t.Helper()
	f.Store.Put(t, r1.RunIndex(f.Run.ID), runs.Entry{Run: f.Run.ID, Recipe: f.Run.Recipe, Profile: f.Run.Profile, Created: f.Run.Created})
	delete(f.Store, r1.RunIndex("winter")) // its frozen run is not there
	f.Store.Put(t, r1.Layout{Recipe: f.Run.Recipe, Run: f.Run.ID}.RunFile(), f.Run)
	return pages.Handler(pages.Options{
		Store:  f.Store,
		Log:    slog.New(slog.DiscardHandler),
		Status: func(context.Context, *r1.Run) (*runs.Status, error) { return f.Status, status },
	})
}

func ask(h http.Handler, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+host+path, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	h := garden(t, reporttest.New(t), nil)
	failed := r1.JobKey{Run: "spring", Stage: "sprout", Job: "phase-01"}.Attempt(1)
	for name, c := range map[string]struct {
		path, kind string
		code       int
		holds      string
	}{
		"the list of runs":         {link.Runs(""), "text/html", 200, `<a href="/runs/spring">`},
		"a run":                    {link.Run("", "spring"), "text/html", 200, `http-equiv="refresh"`},
		"a run links to its logs":  {link.Run("", "spring"), "text/html", 200, `href="` + link.Log("", failed) + `"`},
		"a log":                    {link.Log("", failed), "text/plain", 200, "start 0/4\n<b>stopped</b>\n"},
		"no such run":              {"/runs/summer", "text/html", 404, "there is no run"},
		"a run with a path":        {"/runs/..%2f..%2f_runs", "text/html", 404, "no such run"},
		"no such stage":            {"/runs/spring/logs/autumn/main/1", "text/html", 404, "no such stage"},
		"no such job":              {"/runs/spring/logs/sprout/main/1", "text/html", 404, "no such stage, job or attempt"},
		"no attempt":               {"/runs/spring/logs/sprout/phase-01/0", "text/html", 404, "no such stage, job or attempt"},
		"an attempt without a log": {"/runs/spring/logs/honey/main/1", "text/html", 404, "has written no log"},
		"anything else":            {"/metrics", "text/html", 404, "Nothing here"},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(h, "GET", "127.0.0.1:31000", c.path)
			if w.Code != c.code || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || !strings.Contains(w.Body.String(), c.holds) {
				t.Errorf("%d %s\n%s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
		})
	}
}

// A page of another site may make the browser ask this server, under a name of its
// own that it lets resolve to this machine.
func TestOnlyThisMachinesBrowserMayRead(t *testing.T) {
	h := garden(t, reporttest.New(t), nil)
	for host, want := range map[string]int{
		"127.0.0.1:31000": 200, "localhost:31000": 200, "LOCALHOST": 200, "[::1]:31000": 200, "127.9.9.9": 200,
		"evil.example": 403, "evil.example:31000": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example:80": 403, "192.168.1.4:31000": 403, "0.0.0.0:1": 403,
	} {
		w := ask(h, "GET", host, "/")
		if w.Code != want {
			t.Errorf("host %s: %d, want %d", host, w.Code, want)
		}
		if want == 403 && strings.Contains(w.Body.String(), "spring") {
			t.Errorf("host %s is told of the run", host)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'unsafe-inline'; img-src data:") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("host %s: headers %v", host, w.Header())
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		if w := ask(h, method, "127.0.0.1", "/"); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

func TestStorageThatIsAwayIsSaid(t *testing.T) {
	w := ask(garden(t, reporttest.New(t), errors.New("S3 is away")), "GET", "localhost", "/runs/spring")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "S3 is away") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
