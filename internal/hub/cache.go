package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The cache of the Hub's client: datasets--ORG--NAME and models--ORG--NAME, each with {refs,snapshots,blobs}. A
// snapshot's files are links to blobs, which are named by their digest.
func (d *Dataset) cacheFolder() string {
	kind := "datasets--"
	if d.Address.Model {
		kind = "models--"
	}
	return filepath.Join(d.client.Cache, kind+strings.ReplaceAll(d.Address.Repo, "/", "--"))
}

// cached is where the cache has a file whole, or "".
func (d *Dataset) cached(path string, size int64) string {
	if d.client.Cache == "" {
		return ""
	}
	file := filepath.Join(d.cacheFolder(), "snapshots", d.Commit, filepath.FromSlash(path))
	if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Size() == size {
		return file
	}
	return ""
}

// listCache finds the commit and the files without a network.
func (d *Dataset) listCache() ([]File, []byte, error) {
	revision := d.Address.Revision
	if revision == "" {
		revision = "main"
	}
	d.Commit = revision
	if raw, err := os.ReadFile(filepath.Join(d.cacheFolder(), "refs", filepath.FromSlash(revision))); err == nil {
		d.Commit = strings.TrimSpace(string(raw))
	}
	root := filepath.Join(d.cacheFolder(), "snapshots", d.Commit)
	if !isHex(d.Commit, 40) {
		return nil, nil, d.notCached(root)
	}
	var files []File
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(at) // through the link
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		f := File{Path: filepath.ToSlash(rel), Size: info.Size(), local: at}
		if target, err := os.Readlink(at); err == nil {
			switch digest := filepath.Base(target); {
			case isHex(digest, 64):
				f.sha256 = digest
			case isHex(digest, 40):
				f.blob = digest
			}
		}
		files = append(files, f)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) && len(files) == 0 {
		return nil, nil, d.notCached(root)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list the cache of %s: %w", d.Address, err)
	}
	text, err := os.ReadFile(filepath.Join(root, cardFile))
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil, nil
	}
	return files, text, err
}

func (d *Dataset) notCached(root string) error {
	return &r1.Error{
		Name: "hub-not-cached", Detail: fmt.Sprintf("HF_HUB_OFFLINE is set, and the cache has no %s (%s)", d.Address, root),
		Remedy: fmt.Sprintf("where there is a network: hf download --repo-type %s %s; or unset HF_HUB_OFFLINE", d.Address.repoType(), d.Address.Repo),
	}
}

// openLocal opens a file of the cache.
func openLocal(path string) (io.ReadCloser, error) { return os.Open(path) }
