package hubtest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
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

// A Revision is a commit of a written repo.
type Revision struct {
	OID     string
	Message string
	Files   map[string]string // path: content
}

// written is a repo, with the history of its branches.
type written struct {
	private  bool
	branches map[string][]Revision
}

// A Fault is what happens to a request.
type Fault int

// The faults of a request.
const (
	None       Fault = iota
	DropBefore       // the connection breaks, and nothing is done
	DropAfter        // it is done, and the answer is lost
)

// Writable is a Hub on loopback that can be written to, by the calls that the Hub's own
// client makes: repos are created, branches made, large files sent by the LFS batch API in
// one piece or in parts, with addresses that are signed and expire, and commits made on
// top of a parent.
type Writable struct {
	URL   string
	Token string // may write to the orgs in Orgs
	Orgs  []string
	Part  int // large files of more bytes than this go in parts of it; 0: in one piece
	// Fault is asked about each request; nil: none fails. It is told how many came before.
	Fault func(n int, what string) Fault

	mu       sync.Mutex
	repos    map[string]*written // models/org/name, datasets/org/name
	objects  map[string]string   // large files, by digest
	parts    map[string]string   // digest/number
	leases   map[string]bool     // signatures that are valid
	fail     []int
	requests int
	log      []string
	seen     map[string]bool // hosts that were told a token
	storage  *httptest.Server
}

// NewWritable starts a Hub without repos. It ends with the test.
func NewWritable(t testing.TB) *Writable {
	t.Helper()
	h := &Writable{
		Token: "hf_" + rand.Text(), Orgs: []string{"org"}, repos: map[string]*written{}, objects: map[string]string{},
		parts: map[string]string{}, leases: map[string]bool{}, seen: map[string]bool{},
	}
	api, models, datasets := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	api.HandleFunc("POST /api/repos/create", h.create)
	api.HandleFunc("POST /lfs/verify", h.verify)
	api.HandleFunc("POST /lfs/complete", h.complete)
	for kind, pages := range map[string]*http.ServeMux{"models": models, "datasets": datasets} {
		call := "/api/" + kind + "/{org}/{name}"
		api.HandleFunc("GET "+call, h.of(kind, h.info))
		api.HandleFunc("GET "+call+"/refs", h.of(kind, h.refs))
		api.HandleFunc("GET "+call+"/revision/{rev}", h.of(kind, h.revision))
		api.HandleFunc("GET "+call+"/tree/{rev}", h.of(kind, h.tree))
		api.HandleFunc("POST "+call+"/branch/{branch}", h.of(kind, h.branch))
		api.HandleFunc("POST "+call+"/preupload/{rev}", h.of(kind, h.preupload))
		api.HandleFunc("POST "+call+"/commit/{rev}", h.of(kind, h.commit))
		pages.HandleFunc("GET /{org}/{name}/resolve/{rev}/{path...}", h.of(kind, h.resolve))
		pages.HandleFunc("POST /{org}/{name}/info/lfs/objects/batch", h.of(kind, h.batch)) // name ends in .git
	}
	front := httptest.NewServer(h.watch("front", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch path := q.URL.Path; {
		case strings.HasPrefix(path, "/datasets/"):
			http.StripPrefix("/datasets", datasets).ServeHTTP(w, q)
		case strings.HasPrefix(path, "/api/"), strings.HasPrefix(path, "/lfs/"):
			api.ServeHTTP(w, q)
		default:
			models.ServeHTTP(w, q)
		}
	})))
	t.Cleanup(front.Close)
	h.URL = front.URL
	h.storage = httptest.NewServer(h.watch("storage", http.HandlerFunc(h.store)))
	t.Cleanup(h.storage.Close)
	return h
}

// Settings are those of a client of this Hub with its token, and with short pauses.
func (h *Writable) Settings() hub.Settings {
	return hub.Settings{Endpoint: h.URL, Token: h.Token, Tries: 3, MaxWait: time.Millisecond}
}

// Fail answers the next requests with these statuses.
func (h *Writable) Fail(statuses ...int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = statuses
}

// Log lists the requests so far, by method and path.
func (h *Writable) Log() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.log)
}

// SawToken says whether the endpoint (front), or where large files lie (storage), was told the token.
func (h *Writable) SawToken(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen[host]
}

// History lists the commits of a branch, the oldest first; repo is models/org/name or
// datasets/org/name.
func (h *Writable) History(repo, branch string) []Revision {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.repos[repo]; r != nil {
		return slices.Clone(r.branches[branch])
	}
	return nil
}

// Private says whether a repo is.
func (h *Writable) Private(repo string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.repos[repo] != nil && h.repos[repo].private
}

// Change makes a commit as a person would: a file that is empty is deleted. Where there is
// no repo it makes a public one.
func (h *Writable) Change(repo, branch string, files map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.repos[repo] == nil {
		h.repos[repo] = newRepo(false)
	}
	h.add(h.repos[repo], branch, "by hand", func(all map[string]string) {
		for path, content := range files {
			if all[path] = content; content == "" {
				delete(all, path)
			}
		}
	})
}

// Delete removes a repo.
func (h *Writable) Delete(repo string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.repos, repo)
}

// Expire ends the validity of all addresses that were given out.
func (h *Writable) Expire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.leases)
}

const attributes = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"

func newRepo(private bool) *written {
	first := Revision{OID: oid(), Message: "initial commit", Files: map[string]string{".gitattributes": attributes}}
	return &written{private: private, branches: map[string][]Revision{"main": {first}}}
}

func oid() string {
	raw := make([]byte, 20)
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}

// add makes a commit. The caller holds the lock.
func (h *Writable) add(r *written, branch, message string, change func(map[string]string)) Revision {
	files := map[string]string{}
	if list := r.branches[branch]; len(list) > 0 {
		files = maps.Clone(list[len(list)-1].Files)
	}
	change(files)
	made := Revision{OID: oid(), Message: message, Files: files}
	r.branches[branch] = append(r.branches[branch], made)
	return made
}

func (h *Writable) watch(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		what := q.Method + " " + host + q.URL.Path
		h.mu.Lock()
		n := h.requests
		h.requests++
		h.seen[host] = h.seen[host] || strings.Contains(q.Header.Get("Authorization"), h.Token)
		h.log = append(h.log, what)
		status := 0
		if len(h.fail) > 0 {
			status, h.fail = h.fail[0], h.fail[1:]
		}
		h.mu.Unlock()
		fault := None
		if h.Fault != nil {
			fault = h.Fault(n, what)
		}
		switch {
		case fault == DropBefore:
			panic(http.ErrAbortHandler)
		case status != 0:
			w.Header().Set("Retry-After", "0")
			http.Error(w, "not now", status)
		case fault == DropAfter:
			next.ServeHTTP(httptest.NewRecorder(), q)
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, q)
		}
	})
}

// refuse answers as the Hub does.
func refuse(w http.ResponseWriter, status int, code, text string) {
	if code != "" {
		w.Header().Set("X-Error-Code", code)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}

// known says whether the request has the token; any other is refused.
func (h *Writable) known(w http.ResponseWriter, q *http.Request) (ok, anybody bool) {
	switch q.Header.Get("Authorization") {
	case "Bearer " + h.Token:
		return true, false
	case "":
		return false, true
	}
	refuse(w, http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
	return false, false
}

type request struct {
	w    http.ResponseWriter
	q    *http.Request
	repo *written
	rev  Revision // of the path
}

// of finds the repo and the revision of a call. Who may not see a repo is told that there
// is none; who may not write to it, that.
func (h *Writable) of(kind string, do func(request)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		ok, anybody := h.known(w, q)
		if !ok && !anybody {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		org := q.PathValue("org")
		r := h.repos[kind+"/"+org+"/"+strings.TrimSuffix(q.PathValue("name"), ".git")]
		mine := ok && slices.Contains(h.Orgs, org)
		switch {
		case r == nil && ok:
			refuse(w, http.StatusNotFound, "RepoNotFound", "Repository not found")
			return
		case r == nil, r.private && !mine:
			refuse(w, http.StatusUnauthorized, "RepoNotFound", "Repository not found")
			return
		case q.Method == http.MethodPost && !mine:
			refuse(w, http.StatusForbidden, "", "You don't have the rights to do that")
			return
		}
		at := request{w: w, q: q, repo: r}
		if rev := q.PathValue("rev"); rev != "" {
			found := false
			for name, list := range r.branches {
				for i, commit := range list {
					if commit.OID == rev || name == rev && i == len(list)-1 {
						at.rev, found = commit, true
					}
				}
			}
			if !found {
				refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+rev)
				return
			}
		}
		do(at)
	}
}

func (h *Writable) info(r request) {
	answer(r.w, map[string]any{"id": r.q.PathValue("org") + "/" + r.q.PathValue("name"), "private": r.repo.private})
}

func (h *Writable) refs(r request) {
	branches := []map[string]string{}
	for name := range r.repo.branches {
		branches = append(branches, map[string]string{"name": name})
	}
	answer(r.w, map[string]any{"branches": branches})
}

func (h *Writable) revision(r request) { answer(r.w, map[string]any{"sha": r.rev.OID}) }

func (h *Writable) tree(r request) {
	page := []map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(r.rev.Files)) {
		e := entry(path, r.rev.Files[path])
		if !isLarge(path, int64(len(r.rev.Files[path]))) {
			delete(e, "lfs")
			e["oid"] = blob(r.rev.Files[path])
		}
		page = append(page, e)
	}
	from, _ := strconv.Atoi(r.q.URL.Query().Get("cursor"))
	to := min(from+3, len(page))
	if to < len(page) {
		r.w.Header().Set("Link", "<"+h.URL+r.q.URL.Path+"?recursive=true&cursor="+strconv.Itoa(to)+`>; rel="next"`)
	}
	answer(r.w, page[from:to])
}

func (h *Writable) resolve(r request) {
	content, ok := r.rev.Files[r.q.PathValue("path")]
	if !ok {
		refuse(r.w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		return
	}
	_, _ = r.w.Write([]byte(content))
}
