package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// A Dataset is the files that an address names, of a data set or a model, at one commit.
type Dataset struct {
	Address Address
	Commit  string // what the revision stood for when it was opened
	Licence string // of the card; "": it names none
	Files   []File // in order of path
	client  *client
}

// A File is one file of a data set or a model.
type File struct {
	Path   string
	Size   int64
	sha256 string // of a large file
	blob   string // git's digest of a small one
	local  string // where the Hub client's cache has it; "": nowhere
}

// Open finds what an address names. endings are those of the files that the caller
// reads, such as jsonl. Trouble that may pass is no r1.Error; hub-gated,
// hub-not-found, hub-revision-not-found, hub-file-not-found, hub-format,
// hub-choice and hub-incomplete will not pass by themselves.
func Open(ctx context.Context, s Settings, address string, endings []string) (*Dataset, error) {
	a, err := Parse(address)
	if err != nil {
		return nil, &r1.Error{
			Name: "hub-address-invalid", Detail: fmt.Sprintf("the address %s cannot be read: %v", address, err),
			Remedy: "give hf://org/name[@revision][/path] or hf://org/name[@revision][?config=NAME&split=NAME]",
		}
	}
	d, all, card, err := open(ctx, s, a)
	if err != nil {
		return nil, err
	}
	d.Files, err = layout{address: a, all: all, endings: endings, page: d.client.Endpoint + a.page()}.choose(card)
	return d, err
}

// open lists all files of a repo.
func open(ctx context.Context, s Settings, a Address) (d *Dataset, all []File, c card, err error) {
	client, err := newClient(s)
	if err != nil {
		return nil, nil, c, err
	}
	d = &Dataset{Address: a, client: client}
	all, c, err = d.list(ctx)
	d.Licence = c.licence
	return d, all, c, err
}

// list finds the commit, its files and its card.
func (d *Dataset) list(ctx context.Context) (files []File, c card, err error) {
	var text []byte
	if d.client.Offline {
		files, text, err = d.listCache()
	} else {
		files, text, err = d.listHub(ctx)
	}
	if err != nil {
		return nil, card{}, err
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	c, err = readCard(text)
	if err != nil {
		return nil, card{}, fmt.Errorf("read the card of %s: %w", d.Address, err)
	}
	return files, c, nil
}

func (d *Dataset) listHub(ctx context.Context) ([]File, []byte, error) {
	a, c := d.Address, d.client
	var err error
	if d.Commit, err = c.commit(ctx, a); err != nil {
		return nil, nil, err
	}
	files, err := c.tree(ctx, a, d.Commit, fixedFolder(a.Path))
	if err != nil {
		return nil, nil, err
	}
	for i := range files {
		files[i].local = d.cached(files[i].Path, files[i].Size)
	}
	text, _, err := c.getSmall(ctx, c.resolve(a, d.Commit, cardFile))
	if isEntryMissing(err) {
		return files, nil, nil
	}
	if err != nil {
		return nil, nil, c.explain(ctx, a, cardFile, err)
	}
	return files, text, nil
}

// fixedFolder is the folder that all files of a path or pattern lie in: no more is listed.
func fixedFolder(p string) string {
	if i := strings.IndexAny(p, `*[{`); i >= 0 {
		p = p[:i]
		return strings.TrimSuffix(p[:strings.LastIndexByte(p, '/')+1], "/")
	}
	if dir := path.Dir(p); dir != "." {
		return dir
	}
	return ""
}

// Read opens a file of the data set. What is read is checked: at the end, the
// error is hub-digest where the bytes are not those that the commit has.
func (d *Dataset) Read(ctx context.Context, f File) (io.ReadCloser, error) {
	body, err := d.body(ctx, f)
	if err != nil {
		return nil, err
	}
	return newChecked(f, d.Address, body), nil
}

func (d *Dataset) body(ctx context.Context, f File) (io.ReadCloser, error) {
	if f.local != "" {
		return openLocal(f.local)
	}
	if d.client.Offline {
		return nil, errors.New("it is not in the cache")
	}
	r := &resumed{ctx: ctx, d: d, file: f}
	return r, r.open()
}

// SHA256 is the digest that the Hub gives of a large file; "" of a small one, whose digest is git's.
func (f File) SHA256() string { return f.sha256 }
