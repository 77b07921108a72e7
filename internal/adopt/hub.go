package adopt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Hub says how a folder is fetched from the Hub.
type Hub struct {
	Settings hub.Settings
	Dir      string // where downloads gather; one that was cut off is gone on with there
	// Progress is told of bytes that are there; may be nil.
	Progress func(done, total int64)
}

// Fetch downloads what a hf:// address names for an output, and reads it as Local does: the
// files that make a model, or the *.jsonl files of a data set. What the contract can say
// before the weights come is asked first. done removes the download; it is kept where done is
// not called. The folder's address has the commit.
func (h Hub) Fetch(ctx context.Context, c Contract, address string) (f *Folder, done func(), err error) {
	d, err := h.open(ctx, c, address)
	if err != nil {
		return nil, nil, hub.Named(err)
	}
	pinned := d.Pinned().String()
	dir, unlock, err := h.folder(d)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	if err := h.files(ctx, c, d, pinned, dir); err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			err = &r1.Error{Name: "disk-full", Detail: fmt.Sprintf("%s does not fit into %s", pinned, h.Dir),
				Remedy: "make room, or name another place by --cache-dir, and give the command again: it goes on where it was", Err: err}
		}
		return nil, nil, hub.Named(err)
	}
	if f, err = Local(dir); err != nil {
		return nil, nil, err
	}
	f.Address = pinned
	for _, want := range d.Files { // a file that an earlier call left may have been damaged since
		for _, got := range f.Files {
			if got.Path == localName(c, want) && want.SHA256() != "" && got.SHA256 != want.SHA256() {
				return nil, nil, errors.Join(os.Remove(filepath.Join(dir, got.Path)), &r1.Error{Name: "hub-digest",
					Detail: fmt.Sprintf("%s of %s was damaged on this disk, and is removed", want.Path, pinned), Remedy: "give the command again: it fetches that file anew"})
			}
		}
	}
	return f, func() { _ = os.RemoveAll(dir); unlock() }, nil
}

func (h Hub) open(ctx context.Context, c Contract, address string) (*hub.Dataset, error) {
	if c.Type == r1.TypeModel {
		return hub.OpenModel(ctx, h.Settings, address)
	}
	if c.Type != r1.TypeDataset {
		_, _, err := c.check(ctx, &Folder{Address: address})
		return nil, err
	}
	d, err := hub.Open(ctx, h.Settings, address, []string{"jsonl"})
	if e, ok := r1.AsError(err); ok && e.Name == "hub-format" {
		return nil, &r1.Error{Name: "adopt-refused", Detail: fmt.Sprintf("%s cannot be adopted: %s", address, e.Detail),
			Remedy: "read it by a curate stage's sources, which knows Parquet and other formats"}
	}
	return d, err
}

// localName is what a file is called in the folder. Rows are looked for at the top.
func localName(c Contract, f hub.File) string {
	if c.Type == r1.TypeModel {
		return f.Path
	}
	return strings.ReplaceAll(f.Path, "/", "--")
}

// files fetches the small files first, so that what cannot be adopted is refused before its weights come.
func (h Hub) files(ctx context.Context, c Contract, d *hub.Dataset, address, dir string) error {
	files := slices.Clone(d.Files)
	slices.SortStableFunc(files, func(a, b hub.File) int { return cmp.Compare(late(a), late(b)) })
	listed := &Folder{Address: address, Dir: dir, open: openIn(dir)}
	var total, have int64
	for _, f := range files {
		total += f.Size
		listed.Files = append(listed.Files, r1.ManifestEntry{Path: localName(c, f), Size: f.Size})
	}
	progress := func(n int64) {
		if have += n; h.Progress != nil {
			h.Progress(have, total)
		}
	}
	asked := false
	for _, f := range files {
		if c.Type == r1.TypeModel && late(f) > 0 && !asked {
			asked = true
			if _, _, err := c.check(ctx, listed); err != nil {
				return err
			}
		}
		if err := d.Fetch(ctx, f, filepath.Join(dir, localName(c, f)), progress); err != nil {
			return fmt.Errorf("fetch %s: %w", address, err)
		}
	}
	return nil
}

func late(f hub.File) int {
	if hub.IsWeights(f.Path) {
		return 1
	}
	return 0
}

// folder is where the files of one commit gather. Two calls must not write there.
func (h Hub) folder(d *hub.Dataset) (dir string, unlock func(), err error) {
	mark := sha256.Sum256(fmt.Appendf(nil, "%t %s", d.Address.Model, d.Pinned()))
	dir = filepath.Join(h.Dir, fmt.Sprintf("%s-%x", strings.ReplaceAll(d.Address.Repo, "/", "--"), mark[:6]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("make a folder to fetch into: %w", err)
	}
	lock, err := os.OpenFile(dir+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		return dir, func() { lock.Close() }, nil
	}
	lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return "", nil, &r1.Error{Name: "folder-busy", Detail: "another call fetches " + d.Pinned().String(), Remedy: "wait for it, then give the command again"}
	}
	return "", nil, fmt.Errorf("lock %s: %w", dir, err)
}

// Contract is what is asked of the folder.
func (r Request) Contract() (Contract, error) {
	job, decl, err := r.job()
	if err != nil {
		return Contract{}, err
	}
	return ContractOf(r.Plan, r.Output, job.Kind, decl.Type), nil
}
