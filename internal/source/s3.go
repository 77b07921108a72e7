package source

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// openS3 opens an object, the objects of a folder (s3://bucket/folder/), or those
// that match a pattern, in any bucket of an S3.
func openS3(cfg artifact.Config) curate.Opener {
	return func(ctx context.Context, address string) (curate.Source, error) {
		bucket, key, _ := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
		cfg := cfg
		cfg.Bucket = bucket
		store, err := artifact.New(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", address, err)
		}
		keys, err := s3Keys(ctx, store, address, key)
		if err != nil {
			return nil, err
		}
		parts := make([]curate.Source, len(keys))
		for i, key := range keys {
			parts[i] = curate.Stream(key, func(ctx context.Context) (io.ReadCloser, error) { return store.Get(ctx, key, 0, -1) })
		}
		return curate.Described(curate.Joined(parts...), curate.Origin{Address: address}), nil
	}
}

// s3Keys are the objects that a key stands for, in order of name.
func s3Keys(ctx context.Context, store *artifact.Store, address, key string) ([]string, error) {
	if key != "" && !strings.HasSuffix(key, "/") {
		there, err := store.Exists(ctx, key)
		switch {
		case err != nil && !curate.IsPattern(key):
			return nil, fmt.Errorf("look for %s: %w", address, err)
		case there:
			return []string{key}, nil
		case curate.IsPattern(key):
			return s3Matching(ctx, store, address, key)
		}
		key += "/" // a folder whose slash was forgotten
	}
	var keys []string
	for o, err := range store.List(ctx, key) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", address, err)
		}
		if name := strings.TrimPrefix(o.Key, key); !strings.Contains(name, "/") && curate.HoldsRows(name) {
			keys = append(keys, o.Key)
		}
	}
	if len(keys) == 0 {
		return nil, s3Missing(ctx, store, address, key)
	}
	return keys, nil
}

func s3Matching(ctx context.Context, store *artifact.Store, address, pattern string) ([]string, error) {
	if !doublestar.ValidatePattern(pattern) {
		return nil, &r1.Error{Name: "source-not-found", Detail: "the pattern " + address + " cannot be read", Remedy: "write it with *, **, [0-9] or {a,b}"}
	}
	fixed := pattern[:strings.IndexAny(pattern, "*?[{")]
	var keys []string
	for o, err := range store.List(ctx, fixed) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", address, err)
		}
		if match, _ := doublestar.Match(pattern, o.Key); match && curate.HoldsRows(path.Base(o.Key)) {
			keys = append(keys, o.Key)
		}
	}
	if len(keys) == 0 {
		return nil, s3Missing(ctx, store, address, fixed)
	}
	return keys, nil
}

// maxListed bounds the names among which the nearest is looked for.
const maxListed = 1000

// s3Missing says that there is no such object or folder, and what there is.
func s3Missing(ctx context.Context, store *artifact.Store, address, key string) error {
	folder := strings.TrimSuffix(key, "/")
	if i := strings.LastIndexByte(folder, '/'); i >= 0 {
		folder = folder[:i+1]
	} else {
		folder = ""
	}
	var names []string
	for o, err := range store.List(ctx, folder) {
		if err != nil || len(names) == maxListed {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(o.Key, folder), "/")
		names = append(names, name)
	}
	detail := fmt.Sprintf("there is no object and no folder of rows (%s) at %s", strings.Join(curate.Formats(), ", "), address)
	if near := suggest.Nearest(strings.Trim(strings.TrimPrefix(key, folder), "/"), names); near != "" {
		detail += fmt.Sprintf("; did you mean %s?", store.URI(folder+near))
	}
	return &r1.Error{Name: "source-not-found", Detail: detail, Remedy: "check the address, or upload the objects first"}
}
