package artifact

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cacheOf fills a cache with files of 100 bytes, named by how long ago they were asked for.
func cacheOf(t *testing.T, hours ...int) (dir string, entry func(hour int) string) {
	t.Helper()
	dir = t.TempDir()
	entry = func(hour int) string {
		sum := fmt.Sprintf("%064d", hour)
		return filepath.Join(dir, cacheFiles, sum[:2], sum)
	}
	for _, h := range hours {
		if err := os.MkdirAll(filepath.Dir(entry(h)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(entry(h), []byte(strings.Repeat("x", 100)), 0o444); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-time.Duration(h) * time.Hour)
		if err := os.Chtimes(entry(h), at, at); err != nil {
			t.Fatal(err)
		}
	}
	return dir, entry
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestTrimRemovesWhatWasNotAskedForTheLongest(t *testing.T) {
	dir, entry := cacheOf(t, 1, 2, 3, 4)
	if err := os.Link(entry(4), filepath.Join(dir, "input of a job")); err != nil { // the oldest is in use
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, cacheTmp, "left by a killed download"), 0o755); err != nil {
		t.Fatal(err)
	}
	freed, err := TrimCache(dir, 250)
	if err != nil || freed != 200 {
		t.Errorf("freed %d, %v; want 200", freed, err)
	}
	for hour, want := range map[int]bool{1: true, 2: false, 3: false, 4: true} {
		if there(entry(hour)) != want {
			t.Errorf("file of %d hours ago is there: %t", hour, !want)
		}
	}
	if there(filepath.Join(dir, cacheTmp, "left by a killed download")) {
		t.Error("an unfinished download is still there")
	}
	if freed, err := TrimCache(dir, 250); err != nil || freed != 0 {
		t.Errorf("a cache that is small enough lost %d bytes (%v)", freed, err)
	}
}

func TestTrimWaitsForWhoeverUsesTheCache(t *testing.T) {
	dir, entry := cacheOf(t, 1)
	c, err := openCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openCache(dir) // users do not exclude each other
	if err != nil {
		t.Fatal(err)
	}
	second.close()
	if freed, err := TrimCache(dir, 0); err != nil || freed != 0 || !there(entry(1)) {
		t.Errorf("freed %d of a cache in use, %v", freed, err)
	}
	c.close()
	if freed, err := TrimCache(dir, 0); err != nil || freed != 100 || there(entry(1)) {
		t.Errorf("freed %d, %v", freed, err)
	}
}
