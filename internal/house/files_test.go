package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxLines keeps a file on a few screens.
const maxLines = 400

func TestFilesStayReadable(t *testing.T) {
	for _, f := range sources(t) {
		if n := f.code.LineCount(); n > maxLines {
			t.Errorf("%s has %d lines; split it (at most %d)", f.path, n, maxLines)
		}
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	described := map[string]bool{}
	for _, f := range sources(t) {
		described[f.dir] = described[f.dir] || f.ast.Doc != nil
	}
	for dir, ok := range described {
		if !ok {
			t.Errorf("%s has no package comment (doc.go)", dir)
		}
	}
}

// Locks are used with whatever index the user's pip is configured for.
func TestLocksNameNoIndex(t *testing.T) {
	address := regexp.MustCompile(`(?i)https?://|--(?:extra-)?index-url|--find-links|^-[if] `)
	hashed := regexp.MustCompile(`--hash=sha256:[0-9a-f]{64}`)
	for _, lock := range []string{"trainer/requirements.lock", "trainer/requirements-dev.lock"} {
		raw, err := os.ReadFile(filepath.Join(root, lock))
		if err != nil {
			t.Error(err)
			continue
		}
		if m := address.Find(raw); m != nil {
			t.Errorf("%s names an index or an address: %s", lock, m)
		}
		if !hashed.Match(raw) {
			t.Errorf("%s locks nothing", lock)
		}
		for req := range strings.SplitSeq(strings.ReplaceAll(string(raw), "\\\n", " "), "\n") {
			req = strings.TrimSpace(req)
			if req == "" || strings.HasPrefix(req, "#") {
				continue
			}
			if !strings.Contains(req, "==") || !hashed.MatchString(req) {
				t.Errorf("%s: not pinned and hashed: %s", lock, req)
			}
		}
	}
}
