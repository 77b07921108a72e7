package curate

import (
	"bytes"
	"encoding/binary"
)

// What becomes of the text of a row in a record.
const (
	rawNone   = iota // the row is dropped
	rawAsRead        // the row is as it was read, and is not written again
	rawOther
)

// appendFindings appends what was found out about the rows of a batch.
func appendFindings(out []byte, in []input, found []finding) []byte {
	for i, f := range found {
		out = appendBytes(out, []byte(f.id))
		sample := uint64(0)
		if f.sample != nil {
			sample = uint64(*f.sample)<<1 | 1
		}
		out = binary.AppendUvarint(out, sample)
		out = appendBytes(out, []byte(f.domain))
		unverified := uint64(0)
		if f.unverified {
			unverified = 1
		}
		out = binary.AppendUvarint(out, uint64(f.tokens)<<1|unverified)
		out = appendBytes(out, []byte(f.problem))
		out = appendList(out, f.seen)
		out = binary.AppendUvarint(out, uint64(len(f.keys)))
		for _, k := range f.keys {
			out = append(binary.AppendUvarint(out, uint64(k.step)), k.key[:]...)
		}
		out = binary.AppendUvarint(out, uint64(f.drop))
		out = appendBytes(out, []byte(f.reason))
		switch {
		case f.raw == nil:
			out = append(out, rawNone)
		case bytes.Equal(f.raw, in[i].line.Raw):
			out = append(out, rawAsRead)
		default:
			out = appendBytes(append(out, rawOther), f.raw)
		}
		out = appendList(out, f.notes)
	}
	return out
}

// readFindings is what appendFindings wrote of the rows of a batch; ok is false
// where it is not that.
func readFindings(record []byte, in []input) (found []finding, ok bool) {
	r := recordReader{left: record}
	for i := range in {
		f := finding{meta: in[i].meta}
		f.id = string(r.bytes())
		if sample := r.number(); sample&1 == 1 {
			n := int(int64(sample) >> 1)
			f.sample = &n
		}
		f.domain = string(r.bytes())
		tokens := r.number()
		f.tokens, f.unverified = int(int64(tokens)>>1), tokens&1 == 1
		f.problem = string(r.bytes())
		f.seen = r.list()
		for range r.count() {
			k := rowKey{step: int(r.number())}
			copy(k.key[:], r.take(len(k.key)))
			f.keys = append(f.keys, k)
		}
		f.drop = int(r.number())
		f.reason = string(r.bytes())
		switch kind := r.take(1); {
		case len(kind) == 0 || kind[0] == rawNone:
		case kind[0] == rawAsRead:
			f.raw = in[i].line.Raw
		default:
			f.raw = r.bytes()
		}
		f.notes = r.list()
		if r.bad {
			return nil, false
		}
		found = append(found, f)
	}
	return found, len(r.left) == 0
}

func appendBytes(out, b []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

// appendList takes a piece that is nil for an empty one, as all that read them do.
func appendList(out []byte, list [][]byte) []byte {
	out = binary.AppendUvarint(out, uint64(len(list)))
	for _, b := range list {
		out = appendBytes(out, b)
	}
	return out
}

// recordReader reads what was appended. Once bad, it gives nothing more.
type recordReader struct {
	left []byte
	bad  bool
}

func (r *recordReader) number() uint64 {
	v, n := binary.Uvarint(r.left)
	if r.bad = r.bad || n <= 0; r.bad {
		return 0
	}
	r.left = r.left[n:]
	return v
}

// count is a number of pieces, of which each takes a byte at least.
func (r *recordReader) count() int {
	n := r.number()
	if r.bad = r.bad || n > uint64(len(r.left)); r.bad {
		return 0
	}
	return int(n)
}

func (r *recordReader) take(n int) []byte {
	if r.bad = r.bad || n > len(r.left); r.bad {
		return nil
	}
	b := r.left[:n:n]
	r.left = r.left[n:]
	return b
}

func (r *recordReader) bytes() []byte { return r.take(r.count()) }

func (r *recordReader) list() (list [][]byte) {
	for range r.count() {
		list = append(list, r.bytes())
	}
	return list
}
