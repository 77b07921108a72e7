package curate

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// spill holds rows on disk until a step that needs them all has decided. Its
// file is unlinked as soon as it is open, so a killed process leaves nothing.
//
// A record is: row number, source and file (as numbers), line, length, JSON.
type spill struct {
	f       *os.File
	w       *bufio.Writer
	names   map[string]uint64
	table   []string
	offsets []int64 // of each record
	end     int64
	head    []byte
}

func newSpill(dir string) (*spill, error) {
	f, err := os.CreateTemp(dir, ".curate-spill-*")
	if err != nil {
		return nil, fmt.Errorf("make a spill file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("unlink the spill file: %w", err)
	}
	return &spill{f: f, w: bufio.NewWriterSize(f, 1<<18), names: map[string]uint64{}}, nil
}

func (s *spill) close() { _ = s.f.Close() }

func (s *spill) number(name string) uint64 {
	n, ok := s.names[name]
	if !ok {
		n = uint64(len(s.table))
		s.names[name] = n
		s.table = append(s.table, name)
	}
	return n
}

func (s *spill) add(r *row) error {
	raw := r.encoded()
	s.head = s.head[:0]
	for _, v := range []uint64{uint64(r.seq), s.number(r.at.source), s.number(r.at.file), uint64(r.at.line), uint64(len(raw))} {
		s.head = binary.AppendUvarint(s.head, v)
	}
	s.offsets = append(s.offsets, s.end)
	s.end += int64(len(s.head) + len(raw))
	if _, err := s.w.Write(s.head); err != nil {
		return fmt.Errorf("spill a row: %w", err)
	}
	if _, err := s.w.Write(raw); err != nil {
		return fmt.Errorf("spill a row: %w", err)
	}
	return nil
}

// each calls yield with every row, in the order given (nil: as added), with the
// number under which it was added.
func (s *spill) each(order []int, yield func(i int, r *row) error) error {
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("spill rows: %w", err)
	}
	if order == nil {
		br := bufio.NewReaderSize(io.NewSectionReader(s.f, 0, s.end), 1<<18)
		for i := range s.offsets {
			if err := s.one(br, i, yield); err != nil {
				return err
			}
		}
		return nil
	}
	br := bufio.NewReaderSize(nil, 1<<14)
	for _, i := range order {
		end := s.end
		if i+1 < len(s.offsets) {
			end = s.offsets[i+1]
		}
		br.Reset(io.NewSectionReader(s.f, s.offsets[i], end-s.offsets[i]))
		if err := s.one(br, i, yield); err != nil {
			return err
		}
	}
	return nil
}

func (s *spill) one(br *bufio.Reader, i int, yield func(i int, r *row) error) error {
	var head [5]uint64
	for j := range head {
		v, err := binary.ReadUvarint(br)
		if err != nil {
			return fmt.Errorf("read a spilled row: %w", err)
		}
		head[j] = v
	}
	raw := make([]byte, head[4])
	if _, err := io.ReadFull(br, raw); err != nil {
		return fmt.Errorf("read a spilled row: %w", err)
	}
	r, problem := parseRow(raw, nil)
	if problem != "" {
		return fmt.Errorf("read a spilled row: %s", problem)
	}
	r.seq = int64(head[0])
	r.at = position{source: s.table[head[1]], file: s.table[head[2]], line: int(head[3])}
	return yield(i, r)
}
