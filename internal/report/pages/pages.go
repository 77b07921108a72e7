package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/report"
	"github.com/r1ctl/r1ctl/internal/report/link"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// patience bounds one request.
const patience = time.Minute

// Options is what the pages are made from.
type Options struct {
	Store report.Store
	// Status says what state a run is in, as far as the engine knows.
	Status func(context.Context, *r1.Run) (*runs.Status, error)
	Log    *slog.Logger
}

// Handler serves the pages.
func Handler(o Options) http.Handler {
	s := &site{Options: o, cache: newCache()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /runs/{run}", s.run)
	mux.HandleFunc("GET /runs/{run}/logs/{stage}/{job}/{attempt}", s.attemptLog)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, http.StatusNotFound, "Nothing here", "This server has a list of runs, their reports, and the logs of their attempts.")
	})
	return guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		mux.ServeHTTP(w, r.WithContext(ctx))
	}))
}

// guard lets through only what this machine's own browser asks for, to read, and
// says what a page may do: nothing but show itself.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !loopback(r.Host) {
			http.Error(w, "this server answers only to its loopback address", http.StatusForbidden)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "pages are read-only", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback says whether a Host header names this machine to itself.
func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

type site struct {
	Options
	cache *cache
}

func (s *site) list(w http.ResponseWriter, r *http.Request) {
	entries, err := runs.List(r.Context(), s.Store)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	list := make([]report.Listed, 0, len(entries))
	for _, e := range entries {
		list = append(list, report.Listed{Run: e.Run, Recipe: e.Recipe, Profile: e.Profile, Owner: e.Owner, Created: e.Created, URL: link.Run("", e.Run)})
	}
	var page bytes.Buffer
	if err := report.RenderList(&page, list); err != nil {
		s.failed(w, r, err)
		return
	}
	s.html(w, http.StatusOK, &page)
}

func (s *site) run(w http.ResponseWriter, r *http.Request) {
	page, err := s.cache.get(r.Context(), r.PathValue("run"), s.render)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.html(w, http.StatusOK, bytes.NewReader(page))
}

func (s *site) render(ctx context.Context, id string) ([]byte, error) {
	run, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	st, err := s.Status(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("read the status of %s: %w", id, err)
	}
	rep, err := report.Collect(ctx, s.Store, run, st)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = report.Render(&page, rep, report.Options{
		Refresh: true,
		Home:    link.Runs(""),
		LogURL:  func(key r1.AttemptKey) string { return link.Log("", key) },
	})
	return page.Bytes(), err
}

// load finds a run; a name that cannot be one is not asked for.
func (s *site) load(ctx context.Context, id string) (*r1.Run, error) {
	if !plain(id) {
		return nil, &r1.Error{Name: "unknown-run", Detail: "there is no such run", Remedy: "list the runs with: r1ctl status"}
	}
	return runs.Load(ctx, s.Store, id)
}

// plain says that a part of an address is one part of a key, too.
func plain(part string) bool {
	return part != "" && part != "." && part != ".." && !strings.ContainsAny(part, "/\\\x00")
}

func (s *site) attemptLog(w http.ResponseWriter, r *http.Request) {
	run, err := s.load(r.Context(), r.PathValue("run"))
	if err != nil {
		s.failed(w, r, err)
		return
	}
	stage := run.Plan.Stage(r.PathValue("stage"))
	number, err := strconv.Atoi(r.PathValue("attempt"))
	if stage == nil || stage.Job(r.PathValue("job")) == nil || err != nil || number < 1 {
		s.problem(w, http.StatusNotFound, "No such attempt", "The plan of run "+run.ID+" has no such stage, job or attempt.")
		return
	}
	key := r1.JobKey{Run: run.ID, Stage: stage.Name, Job: r.PathValue("job")}.Attempt(number)
	folder := path.Join(r1.Layout{Recipe: run.Recipe, Run: run.ID}.Attempt(key), r1.LogDir)
	pieces, err := s.Store.FilesUnder(r.Context(), folder)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if len(pieces) == 0 {
		s.problem(w, http.StatusNotFound, "No log", "Attempt "+key.String()+" has written no log: it has not begun, or it was computed by r1ctl itself.")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := stream.Read(r.Context(), s.Store, folder, 0, w); err != nil {
		s.Log.Warn("a log broke off", "attempt", key.String(), "cause", err)
		fmt.Fprintf(w, "\n[the log breaks off here: %v]\n", err)
	}
}

func (s *site) html(w http.ResponseWriter, code int, page io.Reader) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.Copy(w, page) // a reader that went away is no fault
}

func (s *site) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // nobody waits for the answer
	}
	user, known := r1.AsError(err)
	if known && user.Name == "unknown-run" {
		s.problem(w, http.StatusNotFound, "No such run", user.Detail+".")
		return
	}
	s.Log.Warn("a page failed", "path", r.URL.Path, "cause", err)
	s.problem(w, http.StatusServiceUnavailable, "Not now", "The run cannot be read: "+err.Error())
}

func (s *site) problem(w http.ResponseWriter, code int, title, text string) {
	var page bytes.Buffer
	if err := report.RenderProblem(&page, title, text); err != nil {
		http.Error(w, title+": "+text, code)
		return
	}
	s.html(w, code, &page)
}
