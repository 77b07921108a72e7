package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
)

// memory is a fake store: objects by key.
type memory struct {
	objects map[string][]byte
	puts    int
	down    bool
}

func (m *memory) PutBytes(_ context.Context, key string, data []byte) error {
	if m.down {
		return errors.New("down")
	}
	m.puts++
	m.objects[key] = bytes.Clone(data)
	return nil
}

func (m *memory) FilesUnder(_ context.Context, folder string) ([]artifact.Object, error) {
	var list []artifact.Object
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, folder+"/") {
			list = append(list, artifact.Object{Key: key, Size: int64(len(m.objects[key]))})
		}
	}
	return list, nil
}

func (m *memory) Get(_ context.Context, key string, offset, _ int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m.objects[key][offset:])), nil
}

func TestFollow(t *testing.T) {
	ctx := t.Context()
	store := &memory{objects: map[string][]byte{}}
	file := filepath.Join(t.TempDir(), "trainer.log")
	w := NewWriter(store, file, "a/log", ".log")
	flush := func() {
		t.Helper()
		if all, err := w.Flush(ctx, 100); err != nil || !all {
			t.Fatalf("flush: %t, %v", all, err)
		}
	}
	flush() // nothing yet
	var written []byte
	var followed bytes.Buffer
	next := int64(0)
	for i, size := range []int{10, 0, PieceSize - 10, 1, 3*PieceSize + 7, 100} {
		written = append(written, bytes.Repeat(fmt.Appendf(nil, "%d\n", i), size/2+1)[:size]...)
		if err := os.WriteFile(file, written, 0o600); err != nil {
			t.Fatal(err)
		}
		flush()
		var err error
		if next, err = Read(ctx, store, "a/log", next, &followed); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(followed.Bytes(), written) || next != int64(len(written)) || w.Sent() != next {
			t.Fatalf("after piece %d: followed %d bytes to %d, sent %d, written %d", i, followed.Len(), next, w.Sent(), len(written))
		}
	}
	for key, data := range store.objects {
		if len(data) > PieceSize {
			t.Errorf("%s has %d bytes", key, len(data))
		}
	}
	puts := store.puts
	flush()
	if store.puts != puts {
		t.Error("nothing was added and something was written")
	}
	var part bytes.Buffer
	if _, err := Read(ctx, store, "a/log", PieceSize+5, &part); err != nil || !bytes.Equal(part.Bytes(), written[PieceSize+5:]) {
		t.Errorf("from the midst of a piece: %d bytes, %v", part.Len(), err)
	}
	if n, err := Read(ctx, store, "a/log", next+50, &part); err != nil || n != next+50 {
		t.Errorf("from behind the end: %d, %v", n, err)
	}
}

func TestFlushIsBoundedAndSurvivesAnOutage(t *testing.T) {
	ctx := t.Context()
	store := &memory{objects: map[string][]byte{}, down: true}
	file := filepath.Join(t.TempDir(), "trainer.log")
	if err := os.WriteFile(file, make([]byte, 5*PieceSize/2), 0o600); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(store, file, "log", ".log")
	if _, err := w.Flush(ctx, 2); err == nil || w.Sent() != 0 {
		t.Errorf("sent %d to a store that is down", w.Sent())
	}
	store.down = false
	if all, err := w.Flush(ctx, 2); err != nil || all || w.Sent() != 2*PieceSize {
		t.Errorf("flush of two pieces: %t, %v, sent %d", all, err, w.Sent())
	}
	if all, err := w.Flush(ctx, 2); err != nil || !all || w.Sent() != 5*PieceSize/2 {
		t.Errorf("the rest: %t, %v, sent %d", all, err, w.Sent())
	}
}

func TestHoleIsAnError(t *testing.T) {
	store := &memory{objects: map[string][]byte{"log/000000000100.log": []byte("x")}}
	if _, err := Read(t.Context(), store, "log", 0, io.Discard); err == nil {
		t.Error("a missing piece went unnoticed")
	}
}
