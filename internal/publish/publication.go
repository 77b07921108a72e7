package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The files that a publication has besides those of its artifact.
const (
	CardFile       = "README.md"
	ProvenanceFile = "provenance.json"
	MarkerFile     = "r1ctl-published.json"
	// otherCard is where the artifact's own README.md goes.
	otherCard = "README.artifact.md"
)

// A Publication is what goes out; the artifact of type publication is the Record of it. Of one
// job it is made once, whatever attempts are made to publish it.
type Publication struct {
	Artifact    r1.Artifact        `json:"artifact"`
	Files       []r1.ManifestEntry `json:"files"` // of the artifact, by their published paths
	Recipe      string             `json:"recipe"`
	By          r1.JobKey          `json:"by"`
	Fingerprint string             `json:"fingerprint"`
	Card        string             `json:"card"`
	Provenance  string             `json:"provenance"`
}

// Paths gives the files of an artifact that go out, under the paths at which they are
// published. A curation's accounts of rows that were dropped, or could not be read, stay: they
// may be what must not go out, such as personal data that a step found.
func Paths(typ r1.ArtifactType, files []r1.ManifestEntry) []r1.ManifestEntry {
	out := slices.DeleteFunc(slices.Clone(files), func(f r1.ManifestEntry) bool {
		return typ == r1.TypeDataset && r1.IsAccount(f.Path)
	})
	for i := range out {
		switch out[i].Path {
		case CardFile:
			out[i].Path = otherCard
		case ProvenanceFile, MarkerFile: // of an artifact that was published before, and came back
			out[i].Path = strings.TrimSuffix(out[i].Path, path.Ext(out[i].Path)) + ".artifact.json"
		}
	}
	return out
}

// A Marker says what was published, and by which job.
type Marker struct {
	Version     int       `json:"version"`
	Artifact    string    `json:"artifact"` // <stage>.<output>
	SHA256      string    `json:"sha256"`   // of its content, as r1ctl artifacts ls shows it
	Recipe      string    `json:"recipe"`
	By          r1.JobKey `json:"by"`
	Fingerprint string    `json:"fingerprint"`
	Files       []File    `json:"files"` // all but the marker
}

// A File is one of a publication.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func (p *Publication) marker() Marker {
	m := Marker{Version: 1, Artifact: p.Artifact.Name, SHA256: p.Artifact.SHA256, Recipe: p.Recipe, By: p.By, Fingerprint: p.Fingerprint}
	for _, f := range p.Files {
		m.Files = append(m.Files, File{f.Path, f.Size, f.SHA256})
	}
	for name, text := range map[string]string{CardFile: p.Card, ProvenanceFile: p.Provenance} {
		sum := sha256.Sum256([]byte(text))
		m.Files = append(m.Files, File{name, int64(len(text)), hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return m
}

func (m Marker) encode() ([]byte, error) {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the marker: %w", err)
	}
	return append(raw, '\n'), nil
}

func readMarker(raw []byte) (Marker, bool) {
	var m Marker
	ok := json.Unmarshal(raw, &m) == nil && m.Version > 0 && m.SHA256 != "" && m.By.Run != ""
	return m, ok
}

// texts are the small files, by path.
func (p *Publication) texts() (map[string][]byte, error) {
	marker, err := p.marker().encode()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{CardFile: []byte(p.Card), ProvenanceFile: []byte(p.Provenance), MarkerFile: marker}, nil
}

// paths are those of the files, the marker left out.
func (m Marker) paths() []string {
	out := make([]string, len(m.Files))
	for i, f := range m.Files {
		out[i] = f.Path
	}
	return out
}

// stale lists what an earlier publication has and this one has not.
func (m Marker) stale(now Marker) []string {
	var out []string
	for _, f := range m.Files {
		if !slices.ContainsFunc(now.Files, func(g File) bool { return g.Path == f.Path }) {
			out = append(out, f.Path)
		}
	}
	return out
}

// standing is how what is at a destination stands to what is to be there.
type standing int

const (
	absent   standing = iota // nothing is there
	same                     // just this
	mendable                 // this publication, or another of the same artifact: it may be written over
	other                    // something that r1ctl published
	foreign                  // something else
)

// judge compares the marker that is there. whole says whether the files are as it says.
func judge(raw []byte, now Marker, whole func() (bool, error)) (standing, Marker, error) {
	there, ok := readMarker(raw)
	if !ok {
		return foreign, Marker{}, nil
	}
	text, err := now.encode()
	if err != nil {
		return foreign, there, err
	}
	if bytes.Equal(text, raw) {
		is, err := whole()
		if is {
			return same, there, err
		}
		return mendable, there, err
	}
	if there.SHA256 == now.SHA256 {
		return mendable, there, nil
	}
	return other, there, nil
}

const foreignRemedy = "publish to another place (`to`), or move away what is there; then r1ctl retry"

// refuse is the error of a destination that holds something else; nil where it may be
// written over.
func refuse(s standing, there Marker, to string, replace bool) error {
	switch {
	case s == foreign:
		return &r1.Error{
			Name: "publish-foreign", Detail: fmt.Sprintf("%s holds files that r1ctl did not publish", to),
			Remedy: foreignRemedy,
		}
	case s == other && !replace:
		return &r1.Error{
			Name: "publish-exists", Detail: fmt.Sprintf("%s holds %s of run %s, which is another artifact", to, there.Artifact, there.By.Run),
			Remedy: "set `replace: true` in the stage's params (r1ctl resume RUN --set STAGE.params.replace=true), or publish to another place",
		}
	}
	return nil
}
