package hubtest

import (
	"crypto/sha1" // git's
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/hub"
)

// Large is the size in bytes from which a file is kept at the other host, by its sha256.
const Large = 64

// A Repo is a data set, or a model.
type Repo struct {
	Model bool              // else a data set
	Files map[string]string // path: content
	Tags  []string          // besides main, of the same commit
	Token string            // "": everybody may read it
	Gated bool              // says so to who has no token; else it is not there at all
}

// Commit is the commit that every revision of a repo stands for.
func (r Repo) Commit() string {
	h := sha1.New()
	for _, path := range slices.Sorted(maps.Keys(r.Files)) {
		fmt.Fprintf(h, "%s\x00%s\x00", path, r.Files[path])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Hub is a running server.
type Hub struct {
	URL      string
	PageSize int // files a page of a listing

	mu     sync.Mutex
	repos  map[string]Repo
	fail   []int // answers to the next requests
	cuts   int   // transfers that are cut in the middle
	damage bool
	log    []string
	tokens map[string]bool // which of the two hosts saw a token
	other  *httptest.Server
}

// New starts a Hub with these data sets and models, by org/name. It ends with the test.
func New(t testing.TB, repos map[string]Repo) *Hub {
	t.Helper()
	h := &Hub{PageSize: 2, repos: repos, tokens: map[string]bool{}}
	mux := http.NewServeMux()
	for _, kind := range []string{"datasets", "models"} {
		mux.HandleFunc("GET /api/"+kind+"/{org}/{name}/revision/{rev}", h.revision)
		mux.HandleFunc("GET /api/"+kind+"/{org}/{name}/refs", h.refs)
		mux.HandleFunc("GET /api/"+kind+"/{org}/{name}/tree/{rev}/{path...}", h.tree)
		mux.HandleFunc("GET /api/"+kind+"/{org}/{name}/tree/{rev}", h.tree)
	}
	mux.HandleFunc("GET /datasets/{org}/{name}/resolve/{rev}/{path...}", h.resolve)
	models := http.NewServeMux() // apart, because their addresses could be those of the others
	models.HandleFunc("GET /{org}/{name}/resolve/{rev}/{path...}", h.resolve)
	front := httptest.NewServer(h.watch("front", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, "/api/") || strings.HasPrefix(q.URL.Path, "/datasets/") {
			mux.ServeHTTP(w, q)
		} else {
			models.ServeHTTP(w, q)
		}
	})))
	t.Cleanup(front.Close)
	h.other = httptest.NewServer(h.watch("other", http.HandlerFunc(h.content)))
	t.Cleanup(h.other.Close)
	h.URL = front.URL
	return h
}

// Settings are those of a client of this Hub, with short pauses.
func (h *Hub) Settings() hub.Settings {
	return hub.Settings{Endpoint: h.URL, Tries: 4, MaxWait: 2 * time.Millisecond}
}

// Fail answers the next requests with these statuses.
func (h *Hub) Fail(statuses ...int) { h.set(func() { h.fail = statuses }) }

// Cut breaks the next n transfers of large files in the middle.
func (h *Hub) Cut(n int) { h.set(func() { h.cuts = n }) }

// Damage changes a byte of every large file.
func (h *Hub) Damage() { h.set(func() { h.damage = true }) }

func (h *Hub) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// Log lists the requests so far: method, path, range and status.
func (h *Hub) Log() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.log)
}

// SawToken says whether the host front (the endpoint) or other was told a token.
func (h *Hub) SawToken(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tokens[host]
}

func (h *Hub) watch(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h.mu.Lock()
		h.tokens[host] = h.tokens[host] || q.Header.Get("Authorization") != ""
		h.log = append(h.log, strings.TrimSpace(host+" "+q.URL.Path+" "+q.Header.Get("Range")))
		status := 0
		if len(h.fail) > 0 {
			status, h.fail = h.fail[0], h.fail[1:]
		}
		h.mu.Unlock()
		if status != 0 {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "not now", status)
			return
		}
		next.ServeHTTP(w, q)
	})
}

// repo finds what a request is about, or answers as the Hub does.
func (h *Hub) repo(w http.ResponseWriter, q *http.Request) (Repo, bool) {
	refuse := func(status int, code, text string) (Repo, bool) {
		w.Header().Set("X-Error-Code", code)
		http.Error(w, text, status)
		return Repo{}, false
	}
	r, ok := h.repos[q.PathValue("org")+"/"+q.PathValue("name")]
	ok = ok && r.Model == !strings.Contains(q.URL.Path, "/datasets/")
	allowed := r.Token == "" || q.Header.Get("Authorization") == "Bearer "+r.Token
	switch {
	case ok && !allowed && r.Gated && q.PathValue("path") != "": // the listing of a gated data set is public
		return refuse(http.StatusUnauthorized, "GatedRepo", "Access to this dataset is restricted")
	case !ok, !allowed && !r.Gated:
		return refuse(http.StatusUnauthorized, "RepoNotFound", "Repository not found")
	}
	if rev := q.PathValue("rev"); rev != "" && rev != "main" && rev != r.Commit() && !slices.Contains(r.Tags, rev) {
		return refuse(http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+rev)
	}
	return r, true
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (h *Hub) revision(w http.ResponseWriter, q *http.Request) {
	if r, ok := h.repo(w, q); ok {
		answer(w, map[string]any{"id": q.PathValue("org") + "/" + q.PathValue("name"), "sha": r.Commit()})
	}
}

func (h *Hub) refs(w http.ResponseWriter, q *http.Request) {
	r, ok := h.repo(w, q)
	if !ok {
		return
	}
	tags := []map[string]string{}
	for _, tag := range r.Tags {
		tags = append(tags, map[string]string{"name": tag})
	}
	answer(w, map[string]any{"branches": []map[string]string{{"name": "main"}}, "tags": tags})
}

func (h *Hub) tree(w http.ResponseWriter, q *http.Request) {
	r, ok := h.repo(w, q)
	if !ok {
		return
	}
	folder := q.PathValue("path")
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(r.Files)) {
		if folder == "" || strings.HasPrefix(path, folder+"/") {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 && folder != "" {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		http.Error(w, folder+" does not exist", http.StatusNotFound)
		return
	}
	from, _ := strconv.Atoi(q.URL.Query().Get("cursor"))
	to := min(from+h.PageSize, len(paths))
	if to < len(paths) {
		next := *q.URL
		values := next.Query()
		values.Set("cursor", strconv.Itoa(to))
		next.RawQuery = values.Encode()
		w.Header().Set("Link", "<"+h.URL+next.RequestURI()+`>; rel="next"`)
	}
	page := []map[string]any{{"type": "directory", "path": "data", "size": 0, "oid": strings.Repeat("0", 40)}}
	for _, path := range paths[from:to] {
		page = append(page, entry(path, r.Files[path]))
	}
	answer(w, page)
}

func entry(path, content string) map[string]any {
	blob := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
	e := map[string]any{"type": "file", "path": path, "size": len(content), "oid": hex.EncodeToString(blob[:])}
	if len(content) >= Large {
		e["oid"] = strings.Repeat("1", 40) // of the pointer
		e["lfs"] = map[string]any{"oid": digest(content), "size": len(content), "pointerSize": 134}
	}
	return e
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func (h *Hub) resolve(w http.ResponseWriter, q *http.Request) {
	r, ok := h.repo(w, q)
	if !ok {
		return
	}
	content, ok := r.Files[q.PathValue("path")]
	switch {
	case !ok:
		w.Header().Set("X-Error-Code", "EntryNotFound")
		http.Error(w, "Entry not found", http.StatusNotFound)
	case len(content) >= Large:
		http.Redirect(w, q, h.other.URL+"/"+digest(content), http.StatusFound)
	default:
		_, _ = w.Write([]byte(content))
	}
}

// content is the host of large files.
func (h *Hub) content(w http.ResponseWriter, q *http.Request) {
	content := ""
	for _, r := range h.repos {
		for _, text := range r.Files {
			if digest(text) == strings.TrimPrefix(q.URL.Path, "/") {
				content = text
			}
		}
	}
	h.mu.Lock()
	cut := h.cuts > 0
	if cut {
		h.cuts--
	}
	if h.damage {
		content = content[:len(content)-2] + "!" + content[len(content)-1:]
	}
	h.mu.Unlock()
	if !cut {
		http.ServeContent(w, q, "", time.Time{}, strings.NewReader(content))
		return
	}
	from := 0
	if _, err := fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
	}
	rest := content[from:]
	w.Header().Set("Content-Length", strconv.Itoa(len(rest)))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write([]byte(rest[:len(rest)/2]))
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler) // the connection breaks here
}
