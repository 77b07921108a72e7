package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// On the embedded server a large body is checked by CRC-32C in place of a signature, and other
// bytes than those that were hashed are refused all the same.
func TestLargeBodiesAreCheckedByCRC(t *testing.T) {
	s := newStore(t)
	var signed, crc string
	through := behindFaults(t, s.Bucket(), func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/x") {
			signed, crc = r.Header.Get("X-Amz-Content-Sha256"), r.Header.Get("X-Amz-Checksum-Crc32c")
		}
		return false
	})
	through.embedded, through.multipartAbove = true, maxSinglePut
	for _, c := range []struct {
		size  int
		plain bool
	}{{crc32cAbove, false}, {crc32cAbove + 1, true}} {
		data := noisy(c.size, 1)
		d, err := through.hashFile(t.Context(), bytes.NewReader(data), int64(c.size))
		if err != nil {
			t.Fatal(err)
		}
		if err := through.putFile(t.Context(), "x", bytes.NewReader(data), d, nil); err != nil {
			t.Fatal(err)
		}
		if (signed == unsigned) != c.plain || (crc != "") != c.plain {
			t.Errorf("%d bytes: signed with %s, CRC %q", c.size, signed, crc)
		}
		data[c.size/2] ^= 1
		if err := through.putFile(t.Context(), "x", bytes.NewReader(data), d, nil); !isWrongDigest(err) {
			t.Errorf("%d bytes: put of other bytes: %v", c.size, err)
		}
		there, err := s.Head(t.Context(), "x")
		if err != nil || there.SHA256 != d.sum {
			t.Errorf("%+v, %v", there, err)
		}
	}
}

// Whoever hashes what comes, other bytes than those of the digest are refused.
func TestBytesThatComeAreHashedEitherWay(t *testing.T) {
	s := newStore(t)
	data := noisy(3*bufferSize+17, 1)
	sum := sha256.Sum256(data)
	e := r1.ManifestEntry{Path: "x", Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Key: "x"}
	for _, busy := range []bool{false, true} {
		for _, damaged := range []bool{false, true} {
			stored := bytes.Clone(data)
			if damaged {
				stored[len(stored)-1] ^= 1
			}
			if err := s.PutBytes(t.Context(), e.Key, stored); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(filepath.Join(t.TempDir(), "x"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			err = s.fetch(t.Context(), "a", e, f, busy, nil)
			if named, _ := r1.AsError(err); (err != nil) != damaged || damaged && (named == nil || named.Name != "artifact-corrupt") {
				t.Errorf("busy %t, damaged %t: %v", busy, damaged, err)
			}
			if got, rerr := os.ReadFile(f.Name()); !damaged && (rerr != nil || !bytes.Equal(got, data)) {
				t.Errorf("busy %t: other bytes (%v)", busy, rerr)
			}
		}
	}
	for _, c := range []struct {
		large int
		busy  bool
	}{{runtime.GOMAXPROCS(0) - 1, false}, {runtime.GOMAXPROCS(0), runtime.GOMAXPROCS(0) <= s.parallel}} {
		files := slices.Repeat([]r1.ManifestEntry{{Size: s.dedupMin}}, c.large)
		if got := s.busy(append(files, r1.ManifestEntry{Size: 1})); got != c.busy {
			t.Errorf("%d large files keep the cores busy: %t", c.large, got)
		}
	}
}
