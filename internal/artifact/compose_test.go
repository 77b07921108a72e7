package artifact

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// An artifact can be made of the files of others; no byte of them is stored again.
func TestComposeMovesNothing(t *testing.T) {
	s := newStore(t)
	var files []r1.ManifestEntry
	for _, n := range []string{"2", "1"} { // in any order
		part := upload(t, s, writeFiles(t, map[string][]byte{"samples.jsonl": []byte("row " + n + "\n")}), "p/shard-"+n)
		m, err := s.Manifest(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		m.Files[0].Path = "samples-" + n + ".jsonl"
		files = append(files, m.Files[0])
	}
	whole, err := s.Compose(t.Context(), files, options("p/samples"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Compose(t.Context(), files, options("p/samples"))
	if err != nil || again != whole || whole.Files != 2 || whole.Bytes != 12 {
		t.Errorf("%+v, then %+v, %v", whole, again, err)
	}
	for object, err := range s.List(t.Context(), "p/samples/") {
		if err != nil || object.Key != "p/samples/"+r1.ManifestFile {
			t.Errorf("%s was written (%v)", object.Key, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "in")
	if err := s.Download(t.Context(), whole, dir, DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	sameFolder(t, dir, map[string][]byte{"samples-1.jsonl": []byte("row 1\n"), "samples-2.jsonl": []byte("row 2\n")})

	other := files
	other[0].SHA256 = strings.Repeat("0", 64)
	_, err = s.Compose(t.Context(), other, options("p/other"))
	wantError(t, err, "artifact-missing")
	_, err = s.Compose(t.Context(), nil, options("p/none"))
	wantError(t, err, "artifact-empty")
}
