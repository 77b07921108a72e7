package review

import (
	"bufio"
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Batch picks the rows that a person is to look at: n of all it is shown, by seed,
// each with the same chance. Equal rows and seed give an equal batch, whatever the
// order. It also remembers which rows there are.
type Batch struct {
	n      int // 0: all
	seed   int64
	known  map[Key]uint64 // digest of the prompt
	picked picks
}

// NewBatch makes a batch of n rows; 0 takes all.
func NewBatch(n int, seed int64) *Batch {
	return &Batch{n: n, seed: seed, known: map[Key]uint64{}}
}

type pick struct {
	rank uint64
	at   int
	row  Row
}

// picks are those of the least ranks; the highest of them is first.
type picks []pick

func (p picks) Len() int           { return len(p) }
func (p picks) Less(i, j int) bool { return p[i].rank > p[j].rank }
func (p picks) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *picks) Push(x any)        { *p = append(*p, x.(pick)) }
func (p *picks) Pop() any {
	old := *p
	last := old[len(old)-1]
	*p = old[:len(old)-1]
	return last
}

// Show is told each row, once. Of equal rows the first counts.
func (b *Batch) Show(r Row) {
	r.Digest = Digest(r.Response)
	key := r.Key()
	if _, there := b.known[key]; there {
		return
	}
	sum := sha256.Sum256(append([]byte(strconv.FormatInt(b.seed, 10)+"\n"), key[:]...))
	at := len(b.known)
	b.known[key] = promptDigest(r.Prompt)
	heap.Push(&b.picked, pick{rank: binary.LittleEndian.Uint64(sum[:]), at: at, row: r})
	if b.n > 0 && len(b.picked) > b.n {
		heap.Pop(&b.picked)
	}
}

func promptDigest(prompt string) uint64 {
	sum := sha256.Sum256([]byte(prompt))
	return binary.LittleEndian.Uint64(sum[:])
}

// Known is how many different rows it was shown.
func (b *Batch) Known() int { return len(b.known) }

// Rows is the batch, in the order in which the rows were shown.
func (b *Batch) Rows() []Row {
	list := slices.Clone(b.picked)
	slices.SortFunc(list, func(x, y pick) int { return cmp.Compare(x.at, y.at) })
	rows := make([]Row, len(list))
	for i := range list {
		rows[i] = list[i].row
	}
	return rows
}

// Write writes rows as JSON lines.
func Write(w io.Writer, rows []Row) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for i := range rows {
		if err := enc.Encode(rows[i]); err != nil {
			return fmt.Errorf("write the batch: %w", err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write the batch: %w", err)
	}
	return nil
}
