package kept

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A folder that nobody opened for long goes, and never the one that is asked for.
func TestFolder(t *testing.T) {
	root := t.TempDir()
	age := func(scope string, d time.Duration) {
		t.Helper()
		dir := filepath.Join(root, scope)
		then := time.Now().Add(-d)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, then, then); err != nil {
			t.Fatal(err)
		}
	}
	age("old", For+time.Hour)
	age("young", For-time.Hour)
	age("mine", For+time.Hour)
	dir, err := Folder(root, "mine")
	if err != nil || dir != filepath.Join(root, "mine") {
		t.Fatal(dir, err)
	}
	for scope, want := range map[string]bool{"old": false, "young": true, "mine": true} {
		_, err := os.Stat(filepath.Join(root, scope, "x"))
		if there := err == nil; there != want {
			t.Errorf("%s is there: %t", scope, there)
		}
	}
	if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Error("it is not marked as in use")
	}
}
