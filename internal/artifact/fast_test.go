package artifact

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
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
