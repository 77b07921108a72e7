package holdings

import (
	"context"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Checked is what became of an artifact that was read back.
type Checked struct {
	Run   string `json:"run"`
	Name  string `json:"artifact"` // "<stage>.<output>"
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
	Gone  string `json:"missing,omitempty"` // the artifact has no manifest; why
	// Removed says that a garbage collection removed it, as it was asked to.
	Removed bool              `json:"removed,omitempty"`
	Damage  []artifact.Damage `json:"damage,omitempty"`
}

// Whole says that nothing is wrong with it.
func (c *Checked) Whole() bool { return c.Gone == "" && len(c.Damage) == 0 }

// Verify reads the artifacts' objects back and compares them with their digests.
// An object that several of them share is read once. progress may be nil.
func Verify(ctx context.Context, s Store, list []Artifact, progress func(done, total int64)) ([]Checked, error) {
	type file struct{ key, sum string }
	var all []r1.ManifestEntry
	known := map[file]bool{}
	for _, a := range list {
		for _, f := range a.Manifest.Files {
			if k := (file{f.Key, f.SHA256}); !known[k] {
				known[k] = true
				// Paths of several artifacts may be equal: here a file goes by its number.
				f.Path = fmt.Sprint(len(all))
				all = append(all, f)
			}
		}
	}
	damage, err := s.CheckFiles(ctx, all, progress)
	if err != nil {
		return nil, err
	}
	bad := map[string]artifact.Damage{}
	sums := map[string]string{}
	for _, f := range all {
		sums[f.Path] = f.SHA256
	}
	for _, d := range damage {
		bad[d.Key+"\x00"+sums[d.Path]] = d
	}
	out := make([]Checked, 0, len(list))
	for _, a := range list {
		c := Checked{Run: a.Run, Name: a.Name(), Bytes: a.Bytes, Files: a.Files, Gone: a.Missing, Removed: a.Removed}
		for _, f := range a.Manifest.Files {
			if d, ok := bad[f.Key+"\x00"+f.SHA256]; ok {
				d.Path = f.Path
				c.Damage = append(c.Damage, d)
			}
		}
		out = append(out, c)
	}
	return out, nil
}
