package hubtest

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1" // git's
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// isLarge says which files are kept outside of git: by name, and by size. An empty one is asked for too.
func isLarge(path string, size int64) bool {
	return strings.HasSuffix(path, ".safetensors") || size >= 2000
}

func blob(content string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
	return hex.EncodeToString(sum[:])
}

func (h *Writable) create(w http.ResponseWriter, q *http.Request) {
	var in struct {
		Name, Organization, Type string
		Private                  bool
	}
	ok, anybody := h.known(w, q)
	h.mu.Lock()
	defer h.mu.Unlock()
	key := ""
	if json.NewDecoder(q.Body).Decode(&in) == nil {
		key = in.Type + "s/" + in.Organization + "/" + in.Name
	}
	switch {
	case anybody:
		refuse(w, http.StatusUnauthorized, "", "Invalid username or password.")
	case !ok:
	case key == "" || in.Name == "" || !slices.Contains([]string{"model", "dataset"}, in.Type):
		refuse(w, http.StatusBadRequest, "", "invalid repo")
	case !slices.Contains(h.Orgs, in.Organization):
		refuse(w, http.StatusForbidden, "", "You don't have the rights to create a "+in.Type+" under the namespace "+in.Organization)
	case h.repos[key] != nil:
		refuse(w, http.StatusConflict, "", "You already created this "+in.Type+" repo")
	default:
		h.repos[key] = newRepo(in.Private)
		answer(w, map[string]string{"url": h.URL + "/" + key})
	}
}

func (h *Writable) branch(r request) {
	name := r.q.PathValue("branch")
	if r.repo.branches[name] != nil {
		refuse(r.w, http.StatusConflict, "", "Reference already exists")
		return
	}
	main := r.repo.branches["main"]
	r.repo.branches[name] = []Revision{main[len(main)-1]}
	answer(r.w, map[string]any{})
}

func (h *Writable) preupload(r request) {
	var in struct {
		Files []struct {
			Path   string
			Sample string
			Size   int64
		}
	}
	if err := json.NewDecoder(r.q.Body).Decode(&in); err != nil || len(in.Files) > 256 {
		refuse(r.w, http.StatusBadRequest, "", "bad preupload")
		return
	}
	out := []map[string]any{}
	for _, f := range in.Files {
		sample, err := base64.StdEncoding.DecodeString(f.Sample)
		if err != nil || int64(len(sample)) != min(f.Size, 512) {
			refuse(r.w, http.StatusBadRequest, "", "the sample is not the first bytes of "+f.Path)
			return
		}
		mode := "regular"
		if isLarge(f.Path, f.Size) {
			mode = "lfs"
		}
		out = append(out, map[string]any{"path": f.Path, "uploadMode": mode, "shouldIgnore": false})
	}
	answer(r.w, map[string]any{"files": out})
}

// batch gives an address for each object that is not there. It is signed, and expires.
func (h *Writable) batch(r request) {
	var in struct {
		Operation string
		Transfers []string
		HashAlgo  string `json:"hash_algo"`
		Objects   []struct {
			OID  string
			Size int
		}
	}
	if err := json.NewDecoder(r.q.Body).Decode(&in); err != nil || in.Operation != "upload" || in.HashAlgo != "sha256" ||
		r.q.Header.Get("Accept") != "application/vnd.git-lfs+json" {
		refuse(r.w, http.StatusUnprocessableEntity, "", "bad batch")
		return
	}
	lease := rand.Text()
	h.leases[lease] = true
	signed := func(path string) string { return h.storage.URL + path + "?X-Amz-Signature=" + lease }
	objects := []map[string]any{}
	for _, o := range in.Objects {
		e := map[string]any{"oid": o.OID, "size": o.Size}
		if _, there := h.objects[o.OID]; !there {
			upload := map[string]any{"href": signed("/" + o.OID)}
			if h.Part > 0 && o.Size > h.Part {
				header := map[string]string{"chunk_size": strconv.Itoa(h.Part)}
				for i := 0; i*h.Part < o.Size; i++ {
					header[fmt.Sprintf("%05d", i+1)] = signed(fmt.Sprintf("/%s/%d", o.OID, i+1))
				}
				upload = map[string]any{"href": h.URL + "/lfs/complete?uploadId=1", "header": header}
			}
			e["actions"] = map[string]any{"upload": upload, "verify": map[string]any{"href": h.URL + "/lfs/verify"}}
		}
		objects = append(objects, e)
	}
	answer(r.w, map[string]any{"transfer": "basic", "objects": objects})
}

// store is where large files lie. It refuses as S3 does, with the signature in its text.
func (h *Writable) store(w http.ResponseWriter, q *http.Request) {
	raw, err := io.ReadAll(q.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	signature := q.URL.Query().Get("X-Amz-Signature")
	oid, part, parted := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/")
	switch {
	case !h.leases[signature]:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><SignatureProvided>%s</SignatureProvided></Error>", signature)
	case err != nil || int64(len(raw)) != q.ContentLength:
		w.WriteHeader(http.StatusBadRequest)
	case parted:
		h.parts[oid+"/"+part] = string(raw)
		w.Header().Set("ETag", `"`+digest(string(raw))+`"`)
	default:
		h.objects[oid] = string(raw)
	}
}

func (h *Writable) complete(w http.ResponseWriter, q *http.Request) {
	var in struct {
		OID   string
		Parts []struct {
			PartNumber int
			ETag       string
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := json.NewDecoder(q.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "", "bad completion")
		return
	}
	content := ""
	for i, p := range in.Parts {
		part := h.parts[fmt.Sprintf("%s/%d", in.OID, p.PartNumber)]
		if p.PartNumber != i+1 || p.ETag != `"`+digest(part)+`"` {
			refuse(w, http.StatusBadRequest, "", "InvalidPart")
			return
		}
		content += part
	}
	h.objects[in.OID] = content
	answer(w, map[string]any{})
}

// verify throws away what has another digest than it was sent under.
func (h *Writable) verify(w http.ResponseWriter, q *http.Request) {
	var in struct {
		OID  string
		Size int
	}
	if ok, _ := h.known(w, q); !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	err := json.NewDecoder(q.Body).Decode(&in)
	content, there := h.objects[in.OID]
	if err != nil || !there || digest(content) != in.OID || len(content) != in.Size {
		delete(h.objects, in.OID)
		refuse(w, http.StatusUnprocessableEntity, "", "the object is not what it should be")
		return
	}
	answer(w, map[string]any{})
}

// commit adds to a branch, where its parent is still the newest.
func (h *Writable) commit(r request) {
	branch := r.q.PathValue("rev")
	list := r.repo.branches[branch]
	if len(list) == 0 {
		refuse(r.w, http.StatusBadRequest, "", "not a branch")
		return
	}
	changes := map[string]*string{}
	message := ""
	lines := bufio.NewScanner(r.q.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Key   string
			Value struct {
				Summary, ParentCommit, Path, Encoding, Content, Algo, OID string
				Size                                                      int
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			refuse(r.w, http.StatusBadRequest, "", "bad line")
			return
		}
		v := line.Value
		switch line.Key {
		case "header":
			if message = v.Summary; message == "" {
				refuse(r.w, http.StatusBadRequest, "", "no summary")
				return
			}
			if v.ParentCommit != "" && v.ParentCommit != list[len(list)-1].OID {
				refuse(r.w, http.StatusPreconditionFailed, "", "A commit has happened since. Please refresh and try again.")
				return
			}
		case "file":
			raw, err := base64.StdEncoding.DecodeString(v.Content)
			if err != nil || v.Encoding != "base64" || len(raw) > 0 && isLarge(v.Path, int64(len(raw))) {
				refuse(r.w, http.StatusBadRequest, "", "bad file "+v.Path)
				return
			}
			content := string(raw)
			changes[v.Path] = &content
		case "lfsFile":
			content, there := h.objects[v.OID]
			if !there || v.Algo != "sha256" || digest(content) != v.OID {
				refuse(r.w, http.StatusUnprocessableEntity, "", "the LFS object of "+v.Path+" is not there")
				return
			}
			changes[v.Path] = &content
		case "deletedFile":
			if _, there := list[len(list)-1].Files[v.Path]; !there {
				refuse(r.w, http.StatusNotFound, "EntryNotFound", "A file with this name doesn't exist")
				return
			}
			changes[v.Path] = nil
		default:
			refuse(r.w, http.StatusBadRequest, "", "unknown key "+line.Key)
			return
		}
	}
	if err := lines.Err(); err != nil || message == "" {
		refuse(r.w, http.StatusBadRequest, "", "the body broke off")
		return
	}
	made := h.add(r.repo, branch, message, func(all map[string]string) {
		for path, content := range changes {
			if content == nil {
				delete(all, path)
			} else {
				all[path] = *content
			}
		}
	})
	answer(r.w, map[string]any{"commitOid": made.OID, "commitUrl": h.URL + "/commit/" + made.OID})
}
