package curate

// gramSet is a set of hashes that is built once and then only asked. A bitmap
// before the table answers most questions about what is not in it: three bits a
// hash, all in one of its words.
type gramSet struct {
	slots []uint64 // 0 is empty
	bits  []uint64
	zero  bool // 0 is in the set
	n     int
}

func newGramSet(grams []uint64) *gramSet {
	size := 64
	for size < 2*len(grams) {
		size *= 2
	}
	s := &gramSet{slots: make([]uint64, size), bits: make([]uint64, size/8)} // 8 bits a slot
	for _, g := range grams {
		s.add(g)
	}
	return s
}

func gramBits(g uint64) uint64 { return 1<<(g>>40&63) | 1<<(g>>46&63) | 1<<(g>>52&63) }

func (s *gramSet) add(g uint64) {
	s.bits[g&uint64(len(s.bits)-1)] |= gramBits(g)
	if g == 0 {
		s.zero = true
		return
	}
	mask := uint64(len(s.slots) - 1)
	for i := g >> 32 & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case 0:
			s.slots[i] = g
			s.n++
			return
		case g:
			return
		}
	}
}

// hasAny says whether one of grams is in the set.
func (s *gramSet) hasAny(grams []uint64) bool {
	bits := s.bits
	mask := uint64(len(bits) - 1)
	for _, g := range grams {
		if need := gramBits(g); bits[g&mask]&need == need && s.has(g) {
			return true
		}
	}
	return false
}

func (s *gramSet) has(g uint64) bool {
	if g == 0 {
		return s.zero
	}
	mask := uint64(len(s.slots) - 1)
	for i := g >> 32 & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case 0:
			return false
		case g:
			return true
		}
	}
}

// passages finds sequences of words, of any length from least on, in texts.
type passages struct {
	least  int
	starts map[uint64][]passage // by the hash of the first words
}

type passage struct {
	words int
	hash  uint64
}

const passageBase = uint64(0x9e3779b97f4a7c15)

func newPassages(least int) *passages { return &passages{least: least, starts: map[uint64][]passage{}} }

func (p *passages) add(words []uint64) {
	if len(words) < p.least {
		return
	}
	sum := prefixes(words, nil)
	start := between(sum, 0, p.least)
	whole := passage{len(words), between(sum, 0, len(words))}
	for _, known := range p.starts[start] {
		if known == whole {
			return
		}
	}
	p.starts[start] = append(p.starts[start], whole)
}

// found says whether some passage stands in words.
func (p *passages) found(words []uint64) bool {
	if len(p.starts) == 0 || len(words) < p.least {
		return false
	}
	sum := prefixes(words, make([]uint64, 0, len(words)+1))
	for i := 0; i+p.least <= len(words); i++ {
		for _, known := range p.starts[between(sum, i, p.least)] {
			if i+known.words <= len(words) && between(sum, i, known.words) == known.hash {
				return true
			}
		}
	}
	return false
}

// prefixes appends to out the hashes of words[:0], words[:1], ….
func prefixes(words, out []uint64) []uint64 {
	h := uint64(0)
	out = append(out, h)
	for _, w := range words {
		h = h*passageBase + w
		out = append(out, h)
	}
	return out
}

// between is the hash of n words from i on.
func between(sum []uint64, i, n int) uint64 { return sum[i+n] - sum[i]*power(n) }

func power(n int) uint64 {
	p, base := uint64(1), passageBase
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p *= base
		}
		base *= base
	}
	return p
}
