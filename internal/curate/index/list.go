package index

import (
	"encoding/binary"
	"fmt"
	"os"
)

// List is a list of numbers that only grows, 8 bytes each.
type List struct {
	budget *Budget
	tail   []uint64 // those behind the file; all of them as long as there is none
	f      *os.File
	filed  int // how many are in the file
	block  []byte
	at     int // the first of those in block
}

// listBlock is how many numbers are written or read at once.
const listBlock = 1024

// NewList is an empty list.
func NewList(b *Budget) *List { return &List{budget: b} }

// Len is how many numbers are in the list.
func (l *List) Len() int { return l.filed + len(l.tail) }

// Append adds a number at the end.
func (l *List) Append(v uint64) error {
	if len(l.tail) == cap(l.tail) {
		if err := l.grow(); err != nil {
			return err
		}
	}
	l.tail = append(l.tail, v)
	return nil
}

// grow makes room: half as much again, or by writing what is there to the file.
func (l *List) grow() error {
	more := max(listBlock, cap(l.tail)/2)
	if l.f == nil && (l.tail == nil || l.budget.try(int64(8*more))) {
		tail := make([]uint64, len(l.tail), cap(l.tail)+more)
		copy(tail, l.tail)
		l.tail = tail
		return nil
	}
	if l.f == nil {
		f, err := l.budget.File()
		if err != nil {
			return err
		}
		l.f = f
	}
	out := make([]byte, 0, 8*len(l.tail))
	for _, v := range l.tail {
		out = binary.LittleEndian.AppendUint64(out, v)
	}
	if _, err := l.f.WriteAt(out, 8*int64(l.filed)); err != nil {
		return fmt.Errorf("write a list to disk: %w", err)
	}
	l.filed += len(l.tail)
	if cap(l.tail) > listBlock {
		l.budget.Take(-int64(8 * (cap(l.tail) - listBlock)))
		l.tail = make([]uint64, 0, listBlock)
	}
	l.tail = l.tail[:0]
	return nil
}

// At is number i, from 0. Neighbours cost no more reads.
func (l *List) At(i int) (uint64, error) {
	if i >= l.filed {
		return l.tail[i-l.filed], nil
	}
	if l.block == nil || i < l.at || i >= l.at+len(l.block)/8 {
		l.at = i / listBlock * listBlock
		n := 8 * min(listBlock, l.filed-l.at)
		if cap(l.block) == 0 {
			l.block = make([]byte, 8*listBlock)
		}
		l.block = l.block[:n]
		if _, err := l.f.ReadAt(l.block, 8*int64(l.at)); err != nil {
			l.block = nil
			return 0, fmt.Errorf("read a list from disk: %w", err)
		}
	}
	return binary.LittleEndian.Uint64(l.block[8*(i-l.at):]), nil
}

// Close gives back memory and file.
func (l *List) Close() error {
	if cap(l.tail) > listBlock {
		l.budget.Take(-int64(8 * (cap(l.tail) - listBlock)))
	}
	l.tail = nil
	if l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	return f.Close()
}
