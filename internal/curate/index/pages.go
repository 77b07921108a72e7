package index

import (
	"encoding/binary"
	"fmt"
	"os"
)

// pages is a table of keys and numbers in a file. The first bits of a key say in
// which page it is; within, keys stand as they came. As keys are random, pages
// fill evenly, and the table is doubled long before one is full.
type pages struct {
	budget *Budget
	f      *os.File
	bits   int // there are 1<<bits pages
	n      int
	page   [pageBytes]byte
}

const (
	pageBytes  = 4096
	pageSlots  = pageBytes / slotBytes // 204
	pageFilled = 120                   // on average, before the table is doubled
)

// newPages has room for n keys, and twice as many.
func newPages(b *Budget, n int) (*pages, error) {
	f, err := b.File()
	if err != nil {
		return nil, err
	}
	p := &pages{budget: b, f: f}
	for (pageFilled/2)<<p.bits < n {
		p.bits++
	}
	return p, p.size(f, p.bits)
}

func (p *pages) size(f *os.File, bits int) error {
	if err := f.Truncate(pageBytes << bits); err != nil {
		return fmt.Errorf("make room for keys on disk: %w", err)
	}
	return nil
}

func pageOf(key []byte, bits int) int64 {
	return int64(binary.BigEndian.Uint64(key) >> 1 >> (63 - bits))
}

// number is that of a key; a new one gets next. 0 is no number.
func (p *pages) number(key Key, next uint32) (n uint32, isNew bool, err error) {
	at := pageOf(key[:], p.bits) * pageBytes
	if _, err := p.f.ReadAt(p.page[:], at); err != nil {
		return 0, false, fmt.Errorf("read keys from disk: %w", err)
	}
	i := 0
	for ; i < pageSlots; i++ {
		s := p.page[i*slotBytes : (i+1)*slotBytes]
		n := binary.LittleEndian.Uint32(s[16:])
		if n == 0 {
			break
		}
		if Key(s[:16]) == key {
			return n, false, nil
		}
	}
	if i == pageSlots || p.n >= pageFilled<<p.bits {
		if err := p.double(); err != nil {
			return 0, false, err
		}
		return p.number(key, next)
	}
	s := p.page[i*slotBytes : (i+1)*slotBytes]
	copy(s, key[:])
	binary.LittleEndian.PutUint32(s[16:], next)
	if _, err := p.f.WriteAt(s, at+int64(i*slotBytes)); err != nil {
		return 0, false, fmt.Errorf("write a key to disk: %w", err)
	}
	p.n++
	return next, true, nil
}

// double splits each page in two that stand side by side.
func (p *pages) double() error {
	f, err := p.budget.File()
	if err != nil {
		return err
	}
	if err := p.size(f, p.bits+1); err != nil {
		f.Close()
		return err
	}
	for page := range int64(1) << p.bits {
		if err := p.split(f, page); err != nil {
			f.Close()
			return fmt.Errorf("spread keys on disk: %w", err)
		}
	}
	err = p.f.Close()
	p.f = f
	p.bits++
	return err
}

func (p *pages) split(to *os.File, page int64) error {
	var out [2 * pageBytes]byte
	var filled [2]int
	if _, err := p.f.ReadAt(p.page[:], page*pageBytes); err != nil {
		return err
	}
	for i := range pageSlots {
		s := p.page[i*slotBytes : (i+1)*slotBytes]
		if binary.LittleEndian.Uint32(s[16:]) == 0 {
			break
		}
		half := int(pageOf(s, p.bits+1) & 1)
		copy(out[half*pageBytes+filled[half]*slotBytes:], s)
		filled[half]++
	}
	_, err := to.WriteAt(out[:], 2*page*pageBytes)
	return err
}
