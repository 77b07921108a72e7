package record_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestOfManyWhoCreateOneWins(t *testing.T) {
	dir := t.TempDir()
	var wins atomic.Int32
	var winner atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			first, err := record.Create(dir, "end.json", i)
			if err != nil {
				t.Error(err)
			}
			if first {
				wins.Add(1)
				winner.Store(int32(i))
			}
		})
	}
	wg.Wait()
	var got int
	if ok, err := record.Read(dir, "end.json", &got); !ok || err != nil || wins.Load() != 1 || got != int(winner.Load()) {
		t.Errorf("%d won, %d is written, %d says it is the first; %v", wins.Load(), got, winner.Load(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWriteReplacesAndReadSaysWhetherThereIsOne(t *testing.T) {
	dir := t.TempDir()
	var got string
	if ok, err := record.Read(dir, "x.json", &got); ok || err != nil {
		t.Errorf("read of nothing: %t, %v", ok, err)
	}
	for _, want := range []string{"one", "two"} {
		if err := record.Write(dir, "x.json", want); err != nil {
			t.Fatal(err)
		}
		if ok, err := record.Read(dir, "x.json", &got); !ok || err != nil || got != want {
			t.Errorf("%t, %v, %q, want %q", ok, err, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "x.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := record.Read(dir, "x.json", &got); err == nil {
		t.Error("half a record was read")
	}
}

func TestKeysThatCannotNameAFolder(t *testing.T) {
	for _, key := range []r1.AttemptKey{{}, r1.JobKey{Run: "..", Stage: "s", Job: "j"}.Attempt(1), r1.JobKey{Run: "r", Stage: "a/b", Job: "j"}.Attempt(1), r1.JobKey{Run: "r", Stage: "s", Job: "j"}.Attempt(0)} {
		if dir, err := record.Dir("/root", key); err == nil {
			t.Errorf("key %q has folder %s", key, dir)
		}
	}
}
