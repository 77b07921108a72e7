package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// An Upload is what a branch of a repo is to hold.
type Upload struct {
	Repo    string // org/name
	Dataset bool   // else a model
	Branch  string // "": main
	Private bool   // a repo that is made is private, and one that is public is refused
	Message string // of the commit, one line
	Files   []UploadFile
	// Judge sees what the branch holds: the content of the file Marker, nil where there is
	// none, and all paths. It says which files are to go, that the branch is as it should be
	// whatever else it holds, or that nothing may be written.
	Judge    func(marker []byte, paths []string) (remove []string, done bool, err error)
	Marker   string
	Dir      string                  // for a file with the commit, while it is sent
	Progress func(done, total int64) // bytes of large files; may be nil
}

// An UploadFile is one file, whose bytes can be read from any place, again and again.
type UploadFile struct {
	Path   string
	Size   int64
	SHA256 string
	Open   func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Pushed says what became of an upload.
type Pushed struct {
	Commit  string // that the branch is at
	URL     string // for people
	Already bool   // the branch held it before: nothing was committed
}

// commitTries bounds how often a commit is made anew that ran into another one, or whose
// answer did not come.
const commitTries = 6

// Push makes a branch hold files, by one commit. Bytes that the Hub has are not sent, and
// where the branch holds the files nothing is committed: a push that was killed anywhere,
// or whose answer was lost, may be repeated. Trouble that may pass is no r1.Error.
func Push(ctx context.Context, s Settings, u Upload) (Pushed, error) {
	p, err := newPusher(s, u)
	if err != nil {
		return Pushed{}, err
	}
	if err := p.ensureRepo(ctx); err != nil {
		return Pushed{}, err
	}
	if err := p.ensureBranch(ctx); err != nil {
		return Pushed{}, err
	}
	for try := 1; ; try++ {
		pushed, err := p.once(ctx, try == 1)
		var again retryable
		if err == nil || !errors.As(err, &again) || try == commitTries {
			return pushed, err
		}
		select {
		case <-time.After(min(p.client.MaxWait, time.Second<<(try-1))):
		case <-ctx.Done():
			return Pushed{}, ctx.Err()
		}
	}
}

// pusher is one push.
type pusher struct {
	Upload
	client *client
	meter  *meter
}

func newPusher(s Settings, u Upload) (*pusher, error) {
	c, err := clientWith(s, patience, patience)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Offline:
		return nil, &r1.Error{Name: "hub-offline", Detail: "HF_HUB_OFFLINE is set, and " + u.Repo + " is on the Hub", Remedy: "unset HF_HUB_OFFLINE where the worker starts (r1ctl server stop)"}
	case c.Token == "":
		return nil, &r1.Error{
			Name: "hub-token-missing", Detail: "there is no token of the Hub, to write to " + u.Repo,
			Remedy: "hf auth login, or HF_TOKEN_PATH=FILE or HF_TOKEN where the worker starts (r1ctl server stop); then r1ctl retry",
		}
	}
	if u.Branch == "" {
		u.Branch = "main"
	}
	var total int64
	for _, f := range u.Files {
		total += f.Size
	}
	return &pusher{Upload: u, client: c, meter: &meter{total: total, report: u.Progress}}, nil
}

func (p *pusher) address() Address {
	return Address{Repo: p.Repo, Revision: p.Branch, Model: !p.Dataset}
}

// page is where a person looks.
func (p *pusher) page() string { return p.client.Endpoint + p.address().page() }

func (p *pusher) pushed(commit string, already bool) Pushed {
	return Pushed{Commit: commit, URL: p.page() + "/tree/" + url.PathEscape(commit), Already: already}
}

// once compares the branch with what it is to hold, and commits what differs.
func (p *pusher) once(ctx context.Context, first bool) (Pushed, error) {
	head, there, err := p.head(ctx)
	if err != nil {
		return Pushed{}, err
	}
	differ, err := p.differing(ctx, there)
	if err != nil {
		return Pushed{}, err
	}
	marker, err := p.marker(ctx, head, there)
	if err != nil {
		return Pushed{}, err
	}
	remove, done, err := p.Judge(marker, paths(there))
	if err != nil {
		return Pushed{}, err
	}
	remove = slices.DeleteFunc(remove, func(path string) bool { _, ok := there[path]; return !ok })
	if done || len(differ)+len(remove) == 0 {
		p.meter.add(p.meter.total)
		return p.pushed(head, first), nil
	}
	large, err := p.large(ctx, differ)
	if err != nil {
		return Pushed{}, err
	}
	if err := p.send(ctx, differ, large); err != nil {
		return Pushed{}, err
	}
	commit, err := p.commit(ctx, head, differ, large, remove)
	if err != nil {
		return Pushed{}, err
	}
	return p.pushed(commit, false), nil
}

// head is the commit that the branch is at, and its files by path; "" of a repo without one.
func (p *pusher) head(ctx context.Context) (string, map[string]File, error) {
	commit, err := p.client.commit(ctx, p.address())
	var refused refusal
	if errors.As(err, &refused) && refused.code == "RevisionNotFound" && p.Branch == "main" {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, p.explain("look at", err)
	}
	files, err := p.client.tree(ctx, p.address(), commit, "")
	if err != nil {
		return "", nil, p.explain("list", err)
	}
	there := make(map[string]File, len(files))
	for _, f := range files {
		there[f.Path] = f
	}
	return commit, there, nil
}

func (p *pusher) marker(ctx context.Context, head string, there map[string]File) ([]byte, error) {
	if _, ok := there[p.Marker]; !ok {
		return nil, nil
	}
	raw, _, err := p.client.getSmall(ctx, p.client.resolve(p.address(), head, p.Marker))
	if err != nil {
		return nil, p.explain("read "+p.Marker+" of", err)
	}
	return raw, nil
}

func paths(files map[string]File) []string {
	out := make([]string, 0, len(files))
	for path := range files {
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

// Missing lists the files that a branch does not hold with this content; all where there
// is no such repo or branch. Small files are only looked for by their size.
func Missing(ctx context.Context, s Settings, u Upload) ([]string, error) {
	p, err := newPusher(s, u)
	if err != nil {
		return nil, err
	}
	_, there, err := p.head(ctx)
	if e, ok := r1.AsError(err); ok && (e.Name == "hub-repo-missing" || e.Name == "hub-branch-missing") {
		there, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, f := range u.Files {
		at, ok := there[f.Path]
		if !ok || at.Size != f.Size || (at.sha256 != "" && at.sha256 != f.SHA256) {
			missing = append(missing, f.Path)
		}
	}
	return missing, nil
}

// retryable is trouble after which the branch is looked at again.
type retryable struct{ err error }

func (r retryable) Error() string { return r.err.Error() }
func (r retryable) Unwrap() error { return r.err }

func (p *pusher) doing(what string) string { return fmt.Sprintf("%s %s", what, p.Repo) }
