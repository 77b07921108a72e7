package retention

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// referred are the keys of objects that something points to which no attempt made: what was
// adopted, and what people handed in. Both have manifests, and so may share their bytes with
// what runs made. kept are prefixes of artifacts that commits need: one that no run made was
// adopted, and stays for those that took it also when the adoption is taken back.
func referred(ctx context.Context, s Store, views []*view, kept map[string]bool) (map[string]bool, error) {
	live := map[string]bool{}
	point := func(prefix string) error {
		var m r1.Manifest
		if _, err := read(ctx, s, path.Join(prefix, r1.ManifestFile), &m); err != nil {
			return err
		}
		for _, f := range m.Files {
			live[f.Key] = true
		}
		return nil
	}
	for o, err := range s.List(ctx, r1.AdoptedIndexPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list what was adopted: %w", err)
		}
		var entry r1.AdoptedEntry
		if _, err := read(ctx, s, o.Key, &entry); err != nil {
			return nil, err
		}
		if err := point(entry.Prefix); err != nil {
			return nil, err
		}
	}
	own := map[string]bool{}
	for _, v := range views {
		for prefix := range v.outputs {
			own[prefix] = true
		}
	}
	for prefix := range kept {
		if own[prefix] {
			continue
		}
		if err := point(prefix); err != nil {
			return nil, err
		}
	}
	for _, v := range views {
		for _, key := range v.keys {
			prefix, whole := strings.CutSuffix(key, "/"+r1.ManifestFile)
			if !whole || !strings.HasPrefix(key, v.layout.Reviews()) {
				continue
			}
			if err := point(prefix); err != nil {
				return nil, err
			}
		}
	}
	return live, nil
}
