package curate

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

// nearDedup keeps the first of rows that are nearly the same: the sets of n-grams
// of words (see plainWords; tags are none) of the fields of by have an estimated Jaccard
// similarity (shared over all) of at least threshold. The estimate is MinHash,
// and pairs are found by bands (see signature): of pairs with similarity 0.8,
// 99 % are compared, with 0.9 all. Where A is like B and B like C, only the first
// of the three is kept, even if A is not like C. Texts of less than n words have
// one n-gram: all their words. Rows without a word in by stay.
//
// The result depends on the order of the rows and nothing else.
//
// Reason: "near-duplicate".
//
// Memory: 20 bytes a row; 680 bytes a row on disk.
type nearDedup struct {
	By        []string `json:"by"`
	Threshold float64  `json:"threshold"`
	Ngram     int      `json:"ngram"`
}

func nearDedupDef() StepDef {
	defaults := nearDedup{By: []string{"prompt", "response"}, Threshold: 0.8, Ngram: 5}
	return StepDef{
		Name: "near-dedup", Doc: "keep the first of nearly equal rows",
		Params: []Param{
			{Name: "by", Type: "list", Default: defaults.By, Allowed: dedupFields()},
			{Name: "threshold", Type: "number", Default: defaults.Threshold},
			{Name: "ngram", Type: "integer", Default: defaults.Ngram},
		},
		decode: decodeInto(defaults),
	}
}

func (s nearDedup) check() error {
	if s.Ngram < 1 {
		return errors.New("ngram must be at least 1")
	}
	if s.Threshold < 0.5 || s.Threshold > 1 {
		return fmt.Errorf("threshold (%g) must be from 0.5 to 1: pairs that are less alike are not found by MinHash bands", s.Threshold)
	}
	return dedup{By: s.By}.check()
}

func (nearDedup) needs() []string { return nil }

func (s nearDedup) start(_ context.Context, env env) (any, error) {
	signatures, err := unlinked(env.dir)
	if err != nil {
		return nil, err
	}
	keys, err := unlinked(env.dir)
	if err != nil {
		signatures.Close()
		return nil, err
	}
	return &likeness{rule: s, signatures: signatures, keys: keys}, nil
}

// likeness finds rows that are like each other. On disk it has the signatures,
// and the keys of their bands, in blocks of keyBlock rows, band by band.
type likeness struct {
	rule             nearDedup
	signatures, keys *os.File
	rows             int
	waiting          []byte   // signatures not written yet
	block            []uint64 // keys not written yet, row by row
	has              []uint64 // a bit a row: it has a signature
	one, two         signature
}

const keyBlock = 4096

func (l *likeness) Close() error { return errors.Join(l.signatures.Close(), l.keys.Close()) }

func (l *likeness) note(r *row) []byte {
	words := r.tmp.words[:0]
	for _, field := range l.rule.By {
		parts := r.split(r.field(field)) // as decontaminate takes texts, so that words are cut once
		words = append(append(words, r.plainWords(parts.Thinking)...), r.plainWords(parts.Reply)...)
	}
	r.tmp.words = words
	s := newSignature()
	if n := min(l.rule.Ngram, len(words)); n > 0 {
		r.tmp.grams = grams(words, n, r.tmp.grams[:0])
		for _, gram := range r.tmp.grams {
			s.add(gram)
		}
	}
	if !s.fill() {
		return nil
	}
	return s.appendTo(make([]byte, 0, 4*signatureBins))
}

func (l *likeness) see(_ int64, note []byte) error {
	if l.rows%64 == 0 {
		l.has = append(l.has, 0)
	}
	if len(note) > 0 {
		l.has[l.rows/64] |= 1 << (l.rows % 64)
		l.one.decode(note)
		l.waiting = append(l.waiting, note...)
	} else {
		l.one = signature{}
		l.waiting = append(l.waiting, make([]byte, 4*signatureBins)...)
	}
	for b := range bands {
		l.block = append(l.block, l.one.band(b))
	}
	l.rows++
	if l.rows%keyBlock == 0 {
		return l.flush()
	}
	return nil
}

func (l *likeness) flush() error {
	n := len(l.block) / bands
	out := make([]byte, 0, 8*len(l.block))
	for b := range bands {
		for i := range n {
			out = binary.LittleEndian.AppendUint64(out, l.block[i*bands+b])
		}
	}
	_, err := l.keys.Write(out)
	if err == nil {
		_, err = l.signatures.Write(l.waiting)
	}
	l.block, l.waiting = l.block[:0], l.waiting[:0]
	if err != nil {
		return fmt.Errorf("spill signatures: %w", err)
	}
	return nil
}

// banded is the key of one band of a row.
type banded struct {
	key uint64
	row int32
}

func (l *likeness) decide() (func(i int) string, []int, error) {
	if err := l.flush(); err != nil {
		return nil, nil, err
	}
	first := make([]int32, l.rows) // of the rows that a row is like; see root
	for i := range first {
		first[i] = int32(i)
	}
	list := make([]banded, 0, l.rows)
	for b := range bands {
		var err error
		if list, err = l.band(b, list[:0]); err != nil {
			return nil, nil, err
		}
		slices.SortFunc(list, func(x, y banded) int { return cmp.Or(cmp.Compare(x.key, y.key), cmp.Compare(x.row, y.row)) })
		for from := 0; from < len(list); {
			to := from + 1
			for to < len(list) && list[to].key == list[from].key {
				to++
			}
			if err := l.join(list[from:to], first); err != nil {
				return nil, nil, err
			}
			from = to
		}
	}
	return func(i int) string {
		if root(first, int32(i)) != int32(i) {
			return "near-duplicate"
		}
		return ""
	}, nil, nil
}

// band reads the keys of one band.
func (l *likeness) band(b int, out []banded) ([]banded, error) {
	buf := make([]byte, 8*keyBlock)
	for start := 0; start < l.rows; start += keyBlock {
		n := min(keyBlock, l.rows-start)
		if _, err := l.keys.ReadAt(buf[:8*n], int64(start)*8*bands+int64(b)*8*int64(n)); err != nil {
			return nil, fmt.Errorf("read spilled signatures: %w", err)
		}
		for i := range n {
			if row := start + i; l.has[row/64]>>(row%64)&1 == 1 {
				out = append(out, banded{binary.LittleEndian.Uint64(buf[8*i:]), int32(row)})
			}
		}
	}
	return out, nil
}

// maxLeaders bounds the rows of one band that others are compared with.
const maxLeaders = 16

// join compares the rows that agree in a band: each with the first few of them
// that are not like each other.
func (l *likeness) join(same []banded, first []int32) error {
	if len(same) < 2 {
		return nil
	}
	leaders := []int32{same[0].row}
next:
	for _, s := range same[1:] {
		for _, leader := range leaders {
			a, b := root(first, leader), root(first, s.row)
			if a == b {
				continue next
			}
			if err := errors.Join(l.load(leader, &l.one), l.load(s.row, &l.two)); err != nil {
				return err
			}
			if l.one.similarity(&l.two) >= l.rule.Threshold {
				first[max(a, b)] = min(a, b)
				continue next
			}
		}
		if len(leaders) < maxLeaders {
			leaders = append(leaders, s.row)
		}
	}
	return nil
}

func (l *likeness) load(row int32, into *signature) error {
	var raw [4 * signatureBins]byte
	if _, err := l.signatures.ReadAt(raw[:], int64(row)*int64(len(raw))); err != nil {
		return fmt.Errorf("read a spilled signature: %w", err)
	}
	into.decode(raw[:])
	return nil
}

// root is the first row of those that i is like, directly or not.
func root(first []int32, i int32) int32 {
	for first[i] != i {
		first[i] = first[first[i]]
		i = first[i]
	}
	return i
}
