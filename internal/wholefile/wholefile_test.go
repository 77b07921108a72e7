package wholefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A file is replaced whole, with its mode, and nothing is left beside it, also by a failure.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.json")
	for _, text := range []string{"long before", "new"} {
		if err := Replace(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		info, statErr := os.Stat(file)
		if err != nil || statErr != nil || string(got) != text || info.Mode().Perm() != 0o600 {
			t.Errorf("%q, %v, %v", got, info.Mode(), err)
		}
	}
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "in-it"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Replace(folder, []byte("x"), 0o600); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("a folder was replaced: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, Aside+"*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// Of many who create a file one wins, and its bytes stay.
func TestCreate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "end.json")
	var mu sync.Mutex
	var winners []string
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			text := fmt.Sprint(i)
			first, err := Create(file, []byte(text), 0o600)
			if err != nil {
				t.Error(err)
			}
			if first {
				mu.Lock()
				winners = append(winners, text)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	got, err := os.ReadFile(file)
	if err != nil || len(winners) != 1 || string(got) != winners[0] {
		t.Errorf("%v won, and %q is there (%v)", winners, got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), Aside+"*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}
