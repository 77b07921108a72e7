package curate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/r1ctl/r1ctl/internal/curate/index"
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
// Index: 28 bytes a row, of which 4 are always in memory; 680 bytes a row on disk.
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
	return &likeness{rule: s, index: env.index, signatures: signatures, keys: keys}, nil
}

// likeness finds rows that are like each other. On disk it has the signatures,
// and the keys of their bands, in blocks of keyBlock rows, band by band.
type likeness struct {
	rule             nearDedup
	index            *index.Budget
	signatures, keys *os.File
	rows             int
	waiting          []byte   // signatures not written yet
	block            []uint64 // keys not written yet, row by row
	has              []uint64 // a bit a row: it has a signature
	first            []int32  // of the rows that a row is like; see root
	one, two         signature
}

const keyBlock = 4096

func (l *likeness) Close() error {
	l.index.Take(-4 * int64(len(l.first)))
	l.first = nil
	return errors.Join(l.signatures.Close(), l.keys.Close())
}

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

func (l *likeness) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	if err := l.flush(); err != nil {
		return nil, nil, err
	}
	l.index.Take(4 * int64(l.rows))
	l.first = make([]int32, l.rows)
	for i := range l.first {
		l.first[i] = int32(i)
	}
	for b := range bands {
		if err := l.joinBand(b); err != nil {
			return nil, nil, err
		}
	}
	return func(i int) (string, error) {
		if root(l.first, int32(i)) != int32(i) {
			return "near-duplicate", nil
		}
		return "", nil
	}, nil, nil
}

// joinBand joins rows that agree in a band: by key, and then in their order.
func (l *likeness) joinBand(b int) error {
	sorted := index.NewSorter(l.index)
	defer sorted.Close()
	if err := l.band(b, sorted); err != nil {
		return err
	}
	var same []int32
	key := uint64(0)
	for r, err := range sorted.Sorted() {
		if err != nil {
			return err
		}
		if r[0] != key {
			if err := l.join(same, l.first); err != nil {
				return err
			}
			key, same = r[0], same[:0]
		}
		same = append(same, int32(r[1]))
	}
	return l.join(same, l.first)
}

// band reads the keys of one band.
func (l *likeness) band(b int, into *index.Sorter) error {
	buf := make([]byte, 8*keyBlock)
	for start := 0; start < l.rows; start += keyBlock {
		n := min(keyBlock, l.rows-start)
		if _, err := l.keys.ReadAt(buf[:8*n], int64(start)*8*bands+int64(b)*8*int64(n)); err != nil {
			return fmt.Errorf("read spilled signatures: %w", err)
		}
		for i := range n {
			row := start + i
			if l.has[row/64]>>(row%64)&1 == 0 {
				continue
			}
			if err := into.Add(index.Record{binary.LittleEndian.Uint64(buf[8*i:]), uint64(row)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxLeaders bounds the rows of one band that others are compared with.
const maxLeaders = 16

// join compares the rows that agree in a band: each with the first few of them
// that are not like each other.
func (l *likeness) join(same []int32, first []int32) error {
	if len(same) < 2 {
		return nil
	}
	leaders := []int32{same[0]}
next:
	for _, s := range same[1:] {
		for _, leader := range leaders {
			a, b := root(first, leader), root(first, s)
			if a == b {
				continue next
			}
			if err := errors.Join(l.load(leader, &l.one), l.load(s, &l.two)); err != nil {
				return err
			}
			if l.one.similarity(&l.two) >= l.rule.Threshold {
				first[max(a, b)] = min(a, b)
				continue next
			}
		}
		if len(leaders) < maxLeaders {
			leaders = append(leaders, s)
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
