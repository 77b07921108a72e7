package index

// Key is a digest: its bytes must be as good as random.
type Key [16]byte

// Numbers gives each key a number: 0 to the first, 1 to the next new one, …. It
// takes 27 to 54 bytes a key in memory, and some 40 on disk.
type Numbers struct {
	budget *Budget
	n      int
	parts  [64]part // by the first bits of the key; they grow one by one
	disk   *pages   // in place of parts
}

type part struct {
	slots []slot
	n     int
}

type slot struct {
	key    Key
	number uint32 // and 1; 0: free
}

const slotBytes = 20

// NewNumbers knows no key.
func NewNumbers(b *Budget) *Numbers { return &Numbers{budget: b} }

// Len is how many keys have a number.
func (s *Numbers) Len() int { return s.n }

// Number is that of a key, and whether it is new.
func (s *Numbers) Number(key Key) (n int, isNew bool, err error) {
	if s.disk == nil {
		p := &s.parts[key[0]>>2]
		if 4*p.n < 3*len(p.slots) || s.grow(p) {
			at := p.find(key)
			if at.number == 0 {
				*at = slot{key, uint32(s.n) + 1}
				p.n++
				s.n++
				return s.n - 1, true, nil
			}
			return int(at.number) - 1, false, nil
		}
		if err := s.toDisk(); err != nil {
			return 0, false, err
		}
	}
	number, isNew, err := s.disk.number(key, uint32(s.n)+1)
	if isNew {
		s.n++
	}
	return int(number) - 1, isNew, err
}

// grow doubles a part, if the budget allows it.
func (s *Numbers) grow(p *part) bool {
	size := max(16, 2*len(p.slots))
	if !s.budget.try(int64(slotBytes * (size - len(p.slots)))) {
		return false
	}
	bigger := part{slots: make([]slot, size), n: p.n}
	for _, old := range p.slots {
		if old.number != 0 {
			*bigger.find(old.key) = old
		}
	}
	*p = bigger
	return true
}

// find is the slot of a key, or the free one that it would have.
func (p *part) find(key Key) *slot {
	mask := len(p.slots) - 1
	for i := (int(key[1]) | int(key[2])<<8 | int(key[3])<<16 | int(key[4])<<24) & mask; ; i = (i + 1) & mask {
		if at := &p.slots[i]; at.number == 0 || at.key == key {
			return at
		}
	}
}

func (s *Numbers) toDisk() error {
	disk, err := newPages(s.budget, s.n)
	if err != nil {
		return err
	}
	for i := range s.parts {
		for _, at := range s.parts[i].slots {
			if at.number == 0 {
				continue
			}
			if _, _, err := disk.number(at.key, at.number); err != nil {
				disk.f.Close()
				return err
			}
		}
	}
	s.disk = disk
	s.forget()
	return nil
}

func (s *Numbers) forget() {
	for i := range s.parts {
		s.budget.Take(-int64(slotBytes * len(s.parts[i].slots)))
		s.parts[i] = part{}
	}
}

// Close gives back memory and file.
func (s *Numbers) Close() error {
	s.forget()
	if s.disk == nil {
		return nil
	}
	return s.disk.f.Close()
}
