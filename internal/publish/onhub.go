package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/r1ctl/r1ctl/internal/destination"
	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// toHub makes one commit.
func (p *Publisher) toHub(ctx context.Context, in Input, rec *Record) error {
	texts, err := in.texts()
	if err != nil {
		return err
	}
	u := hub.Upload{
		Repo: in.To.Repo, Branch: in.To.Branch, Dataset: in.Artifact.Type == r1.TypeDataset, Private: in.Private, Message: in.Message,
		Marker: MarkerFile, Dir: in.Dir, Progress: in.Progress, Judge: p.judgeRepo(in),
	}
	if u.Message == "" {
		u.Message = fmt.Sprintf("%s of run %s, by r1ctl", in.Artifact.Name, in.By.Run)
	}
	for _, f := range in.Files {
		u.Files = append(u.Files, hub.UploadFile{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Open: p.opener(f)})
	}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		text := texts[path]
		sum := sha256.Sum256(text)
		u.Files = append(u.Files, hub.UploadFile{Path: path, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]),
			Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
				return io.NopCloser(io.NewSectionReader(bytes.NewReader(text), offset, length)), nil
			}})
	}
	made, err := hub.Push(ctx, p.Hub, u)
	rec.URL, rec.Commit, rec.Already = made.URL, made.Commit, made.Already
	return err
}

// judgeRepo lets go on where the branch is new or holds this artifact, and with replace wherever:
// commits keep what was there before. What this very job has published stays as people may
// have changed it since.
func (p *Publisher) judgeRepo(in Input) func([]byte, []string) ([]string, bool, error) {
	now := in.marker()
	return func(raw []byte, paths []string) ([]string, bool, error) {
		if raw == nil {
			if in.Replace || !slices.ContainsFunc(paths, func(path string) bool { return path != ".gitattributes" && path != CardFile }) {
				return nil, false, nil
			}
			return nil, false, refuse(foreign, Marker{}, in.To.String(), false)
		}
		whole := func() (bool, error) {
			return !slices.ContainsFunc(now.Files, func(f File) bool { return !slices.Contains(paths, f.Path) }), nil
		}
		at, there, err := judge(raw, now, whole)
		if err != nil || at == same {
			return nil, at == same, err
		}
		if err := refuse(at, there, in.To.String(), in.Replace); err != nil && !in.Replace {
			return nil, false, err
		}
		return there.stale(now), false, nil
	}
}

// opener reads a stored file from anywhere. One that is read whole is checked.
func (p *Publisher) opener(f r1.ManifestEntry) func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		body, err := p.Store.Get(ctx, f.Key, offset, length)
		if err != nil || offset != 0 || length != f.Size {
			return body, err
		}
		return &checked{ReadCloser: body, hash: sha256.New(), entry: f}, nil
	}
}

// checked ends in an error where the bytes are not those that were stored.
type checked struct {
	io.ReadCloser
	hash  hash.Hash
	entry r1.ManifestEntry
	read  int64
}

func (c *checked) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.hash.Write(b[:n])
	c.read += int64(n)
	// A sender stops at the last byte, and may never ask for the end.
	if c.read == c.entry.Size || err == io.EOF {
		if found := hex.EncodeToString(c.hash.Sum(nil)); found != c.entry.SHA256 {
			return 0, &r1.Error{Name: "artifact-corrupt", Detail: fmt.Sprintf("%s is stored with other bytes than it was made with", c.entry.Path),
				Remedy: "the stored copy was damaged or replaced: rebuild the stage that made it, or restore the object"}
		}
	}
	return n, err
}

func (p *Publisher) goneFromHub(ctx context.Context, to destination.Destination, rec Record) (string, error) {
	settings := p.Hub
	settings.Tries = 2 // it is asked again, and says so
	u := hub.Upload{Repo: to.Repo, Branch: to.Branch, Dataset: rec.Type == r1.TypeDataset}
	for _, f := range rec.Files {
		if f.Path != CardFile { // people may write in it
			u.Files = append(u.Files, hub.UploadFile{Path: f.Path, Size: f.Size, SHA256: f.SHA256})
		}
	}
	missing, err := hub.Missing(ctx, settings, u)
	if err != nil || len(missing) == 0 {
		return "", err
	}
	return fmt.Sprintf("%s does not hold %s as it was", to, strings.Join(missing[:min(3, len(missing))], ", ")), nil
}

// steps tells of whole files.
type steps struct {
	mu          sync.Mutex
	done, total int64
	say         func(done, total int64)
}

func newSteps(in Input) *steps {
	s := &steps{say: in.Progress}
	for _, f := range in.Files {
		s.total += f.Size
	}
	return s
}

func (s *steps) add(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done += n
	if s.say != nil {
		s.say(s.done, s.total)
	}
}
