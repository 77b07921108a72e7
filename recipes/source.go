package recipes

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/puzzles"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// A digester identifies the content of what comes from outside the run.
type digester struct {
	tiny  func(address string) (string, error)
	known map[string]string // by address; large files are read once
}

// identify gives the parameters with an identity in place of each address, and
// what each identity stands for. Where a local file lies does not enter it.
func (d digester) identify(params map[string]any) (map[string]any, map[string]string, error) {
	out, sources := maps.Clone(params), map[string]string{}
	one := func(address string) (string, error) {
		digest, err := d.digest(address)
		if err != nil {
			return "", err
		}
		switch {
		case isLocal(address):
			address = "sha256:" + digest
		case strings.HasPrefix(address, puzzles.Scheme): // however it is spelt
			a, err := puzzles.Parse(address)
			if err != nil {
				return "", err
			}
			address = a.String()
		}
		sources[address] = digest
		return address, nil
	}
	if address, ok := params["source"].(string); ok {
		identity, err := one(address)
		if err != nil {
			return nil, nil, err
		}
		out["source"] = identity
	}
	list, _ := params["sources"].([]any)
	if list != nil {
		list = slices.Clone(list)
		for i, s := range list {
			source := maps.Clone(s.(map[string]any))
			address := source["address"].(string)
			if a, err := hub.Parse(address); err == nil { // however it is spelt
				address = a.String()
			}
			identity, err := one(address)
			if err != nil {
				return nil, nil, fmt.Errorf("source %s: %w", source["name"], err)
			}
			source["address"] = identity
			delete(source, "licence") // recorded, and no part of the rows
			list[i] = source
		}
		out["sources"] = list
	}
	return out, sources, nil
}

func isLocal(address string) bool { return !strings.Contains(address, "://") }

func (d digester) digest(address string) (string, error) {
	if digest, ok := d.known[address]; ok {
		return digest, nil
	}
	digest, err := address, error(nil) // hf:// and s3:// stand for their content
	switch {
	case strings.HasPrefix(address, "tiny://") && d.tiny != nil:
		digest, err = d.tiny(address)
	case strings.HasPrefix(address, puzzles.Scheme):
		digest, err = puzzles.Digest(address)
	case isLocal(address):
		digest, err = digestPath(address)
	}
	if err != nil {
		return "", err
	}
	d.known[address] = digest
	return digest, nil
}

// digestPath is the sha256 of a file, or of the paths, sizes and digests of all
// files below a directory.
func digestPath(root string) (string, error) {
	info, err := os.Stat(root)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(root, "*?[{") {
		return digestPattern(root)
	}
	if err != nil {
		return "", &r1.Error{
			Name:   "source-missing",
			Detail: fmt.Sprintf("the local source %s cannot be read", root),
			Remedy: "correct the path, or name a remote source with its scheme: hf://org/name, s3://bucket/key",
			Err:    err,
		}
	}
	if !info.IsDir() {
		entry, err := digestFile(root)
		return entry.SHA256, err
	}
	var files []r1.ManifestEntry
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		entry, err := digestFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		entry.Path = filepath.ToSlash(rel)
		files = append(files, entry)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("digest %s: %w", root, err)
	}
	return r1.ContentDigest(files), nil
}

// digestPattern is the digest of the files that match, whose names count from
// the folder that all of them lie in.
func digestPattern(pattern string) (string, error) {
	names, err := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly())
	if err != nil || len(names) == 0 {
		return "", &r1.Error{
			Name: "source-missing", Detail: "no file matches the local source " + pattern, Remedy: "correct the pattern: *, **, [0-9] or {a,b}", Err: err,
		}
	}
	base, _ := doublestar.SplitPattern(filepath.ToSlash(pattern))
	var files []r1.ManifestEntry
	for _, name := range names {
		entry, err := digestFile(name)
		if err != nil {
			return "", err
		}
		rel, err := filepath.Rel(base, name)
		if err != nil {
			return "", fmt.Errorf("digest %s: %w", pattern, err)
		}
		entry.Path = filepath.ToSlash(rel)
		files = append(files, entry)
	}
	return r1.ContentDigest(files), nil
}

// digestFile follows a link to a file, as the caches of model hubs have them.
func digestFile(path string) (r1.ManifestEntry, error) {
	in, err := os.Open(path)
	if err != nil {
		return r1.ManifestEntry{}, fmt.Errorf("digest: %w", err)
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return r1.ManifestEntry{}, fmt.Errorf("digest %s: not a regular file", path)
	}
	h := sha256.New()
	size, err := io.Copy(h, in)
	if err != nil {
		return r1.ManifestEntry{}, fmt.Errorf("digest %s: %w", path, err)
	}
	return r1.ManifestEntry{Size: size, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}
