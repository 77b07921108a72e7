package artifact

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The server copies between buckets, in one piece and in parts, and a copy that is there
// is not made again.
func TestCopyFromAnotherBucket(t *testing.T) {
	from, to := newStore(t), newStore(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 12<<16) // 12 MiB
	a := upload(t, from, writeFiles(t, map[string][]byte{"sub/a file+1.bin": data}), "recipe/run/zero/model")
	m, err := from.Manifest(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for name, above := range map[string]int64{"whole": maxSinglePut, "in parts": 5 << 20} {
		copies, transfers := 0, 0
		s := behindFaults(t, to.bucket, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if r.Header.Get("X-Amz-Copy-Source") != "" {
				copies++
			}
			if r.ContentLength > 1<<20 {
				transfers++
			}
			return false
		})
		s.copyAbove, s.partSize = above, 5<<20
		key := "out/" + strings.ReplaceAll(name, " ", "-") + "/a file+1.bin"
		for range 2 {
			if err := s.CopyFrom(t.Context(), from.bucket, m.Files[0], key); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got, err := to.GetBytes(t.Context(), key)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if want := map[string]int{"whole": 1, "in parts": 3}[name]; copies != want || transfers > 0 {
			t.Errorf("%s: %d copies, want %d; %d large bodies", name, copies, want, transfers)
		}
		there, err := to.Head(t.Context(), key)
		if err != nil || there.SHA256 != m.Files[0].SHA256 {
			t.Errorf("%s: %+v, %v", name, there, err)
		}
	}
	gone := r1.ManifestEntry{Path: "x", Key: "never/there", Size: 3, SHA256: strings.Repeat("a", 64)}
	if err := to.CopyFrom(t.Context(), from.bucket, gone, "out/x"); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("of an object that is not there: %v", err)
	}
}
