package curate

// scratch is memory that a worker uses again for each row.
type scratch struct {
	words, grams []uint64
	tokens       tokens
	set          hashSet
	last         lastSeen
	text         []byte
	cuts         []cutText
	splits       []splitText
	both         bool // steps want words and units of one text
}

// hashSet is a set of hashes.
type hashSet struct {
	slots []uint64 // as many as reset asked for; 0: empty
	zero  bool     // 0 is in the set
}

// reset empties the set and makes room for n hashes.
func (s *hashSet) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	if size > cap(s.slots) {
		s.slots = make([]uint64, size)
	}
	s.slots = s.slots[:size]
	clear(s.slots)
	s.zero = false
}

// add says whether h is new.
func (s *hashSet) add(h uint64) bool {
	if h == 0 {
		isNew := !s.zero
		s.zero = true
		return isNew
	}
	slots := s.slots
	mask := uint64(len(slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch slots[i&mask] {
		case 0:
			slots[i&mask] = h
			return true
		case h:
			return false
		}
	}
}

// lastSeen tells where a hash was seen last.
type lastSeen struct {
	slots []uint64 // 0: empty, where at is -1
	at    []int32
}

func (l *lastSeen) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	if size > cap(l.slots) {
		l.slots, l.at = make([]uint64, size), make([]int32, size)
	}
	l.slots, l.at = l.slots[:size], l.at[:size]
	clear(l.slots)
	for i := range l.at {
		l.at[i] = -1
	}
}

// swap notes that h is at i, and gives where it was before, or -1.
func (l *lastSeen) swap(h uint64, i int) int {
	mask := uint64(len(l.slots) - 1)
	for j := h & mask; ; j = (j + 1) & mask {
		if before := l.at[j]; before < 0 || l.slots[j] == h {
			l.slots[j], l.at[j] = h, int32(i)
			return int(before)
		}
	}
}
