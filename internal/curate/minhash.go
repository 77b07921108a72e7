package curate

import "encoding/binary"

// A signature is a MinHash of a set of hashes by one permutation: the set is
// spread over bins, and each bin keeps its least. The share of equal bins of two
// signatures is an estimate of the Jaccard similarity of their sets, with a
// standard error of at most 0.045. Empty bins borrow from others by a fixed rule,
// so that small sets can be compared as well.
const (
	signatureBins = 128
	bandRows      = 6
	bands         = signatureBins / bandRows // 21; the last two bins are in none
	emptyBin      = ^uint32(0)
)

type signature [signatureBins]uint32

func newSignature() *signature {
	var s signature
	for i := range s {
		s[i] = emptyBin
	}
	return &s
}

func (s *signature) add(h uint64) {
	bin := h >> 57
	if v := uint32(h); v < s[bin] {
		s[bin] = v
	}
}

// fill gives the empty bins a value. It says no when all are empty.
func (s *signature) fill() bool {
	from := *s
	full := 0
	for _, v := range from {
		full += b2i(v != emptyBin)
	}
	if full == 0 {
		return false
	}
	for i, v := range from {
		for try := uint64(0); v == emptyBin; try++ {
			v = from[mix64(uint64(i)<<32|try)%signatureBins]
		}
		s[i] = v
	}
	return true
}

// band is a hash of some of the bins: rows that agree in one band are looked at.
func (s *signature) band(n int) uint64 {
	h := uint64(n)
	for _, v := range s[n*bandRows : (n+1)*bandRows] {
		h = mix64(h*31 + uint64(v))
	}
	return h
}

func (s *signature) similarity(o *signature) float64 {
	same := 0
	for i, v := range s {
		same += b2i(v == o[i])
	}
	return float64(same) / signatureBins
}

func (s *signature) appendTo(out []byte) []byte {
	for _, v := range s {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}

func (s *signature) decode(raw []byte) {
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
}
