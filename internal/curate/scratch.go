package curate

// scratch is memory that a worker uses again for each row.
type scratch struct {
	words  []uint64
	tokens tokens
	set    hashSet
	last   lastSeen
	text   []byte
	cuts   []cutText
	splits []splitText
}

// hashSet is a set of hashes that is emptied at no cost.
type hashSet struct {
	slots []uint64
	marks []uint32
	mark  uint32
}

// reset empties the set and makes room for n hashes.
func (s *hashSet) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	if size > len(s.slots) {
		s.slots, s.marks, s.mark = make([]uint64, size), make([]uint32, size), 0
	}
	if s.mark++; s.mark == 0 {
		clear(s.marks)
		s.mark = 1
	}
}

// add says whether h is new.
func (s *hashSet) add(h uint64) bool {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		if s.marks[i] != s.mark {
			s.marks[i], s.slots[i] = s.mark, h
			return true
		}
		if s.slots[i] == h {
			return false
		}
	}
}

// lastSeen tells where a hash was seen last.
type lastSeen struct {
	set hashSet
	at  []int32
}

func (l *lastSeen) reset(n int) {
	l.set.reset(n)
	if len(l.at) < len(l.set.slots) {
		l.at = make([]int32, len(l.set.slots))
	}
}

// swap notes that h is at i, and gives where it was before, or -1.
func (l *lastSeen) swap(h uint64, i int) int {
	s := &l.set
	mask := uint64(len(s.slots) - 1)
	for j := h & mask; ; j = (j + 1) & mask {
		if s.marks[j] != s.mark {
			s.marks[j], s.slots[j], l.at[j] = s.mark, h, int32(i)
			return -1
		}
		if s.slots[j] == h {
			before := l.at[j]
			l.at[j] = int32(i)
			return int(before)
		}
	}
}
