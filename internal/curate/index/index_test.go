package index_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/r1ctl/r1ctl/internal/curate/index"
)

// budgets are from none at all, where everything is on disk, to enough.
func budgets(t *testing.T, test func(t *testing.T, b *index.Budget)) {
	for name, limit := range map[string]int64{"none": 0, "some": 1_000_000, "enough": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			b := index.NewBudget(t.TempDir(), limit)
			test(t, b)
			if b.Peak() > limit {
				t.Errorf("took %d bytes of %d", b.Peak(), limit)
			}
			if peak := b.Peak(); limit > 0 && peak == 0 {
				t.Error("took no memory")
			}
			before := b.Peak()
			if b.Take(0); b.Peak() != before {
				t.Error("the peak moved")
			}
		})
	}
}

func key(i int) index.Key {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	return index.Key(sum[:16])
}

func TestKeysHaveNumbersInTheOrderInWhichTheyCame(t *testing.T) {
	budgets(t, func(t *testing.T, b *index.Budget) {
		rnd := rand.New(rand.NewPCG(1, 2))
		s := index.NewNumbers(b)
		want := map[int]int{}
		for range 60_000 {
			k := rnd.IntN(30_000)
			n, isNew, err := s.Number(key(k))
			if err != nil {
				t.Fatal(err)
			}
			known, there := want[k]
			if !there {
				known = len(want)
				want[k] = known
			}
			if n != known || isNew == there || s.Len() != len(want) {
				t.Fatalf("key %d has number %d (new: %v), want %d", k, n, isNew, known)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAListGivesWhatWasAppended(t *testing.T) {
	budgets(t, func(t *testing.T, b *index.Budget) {
		l := index.NewList(b)
		const n = 200_000
		for i := range n {
			if err := l.Append(uint64(i) * 7); err != nil {
				t.Fatal(err)
			}
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range 2 * n {
			if i >= n {
				i = rnd.IntN(n)
			}
			if v, err := l.At(i); err != nil || v != uint64(i)*7 {
				t.Fatalf("at %d is %d, %v", i, v, err)
			}
		}
		if l.Len() != n || l.Close() != nil {
			t.Errorf("%d numbers", l.Len())
		}
	})
}

func TestRecordsAreSorted(t *testing.T) {
	budgets(t, func(t *testing.T, b *index.Budget) {
		rnd := rand.New(rand.NewPCG(1, 2))
		s := index.NewSorter(b)
		var want []index.Record
		for i := range 200_000 {
			r := index.Record{rnd.Uint64N(500), rnd.Uint64N(3), uint64(i)}
			want = append(want, r)
			if err := s.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortFunc(want, func(a, b index.Record) int { return slices.Compare(a[:], b[:]) })
		var got []index.Record
		for r, err := range s.Sorted() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r)
		}
		if !slices.Equal(got, want) {
			t.Error("not in order")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestMemoryIsGivenBack(t *testing.T) {
	const limit = 1 << 20
	b := index.NewBudget(t.TempDir(), limit)
	for range 50 { // would not fit side by side
		s, l, n := index.NewSorter(b), index.NewList(b), index.NewNumbers(b)
		for i := range 6000 {
			if err := s.Add(index.Record{uint64(i)}); err != nil {
				t.Fatal(err)
			}
			if err := l.Append(1); err != nil {
				t.Fatal(err)
			}
			if _, _, err := n.Number(key(i)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []interface{ Close() error }{s, l, n} {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if first := b.Peak(); first > limit/2 {
		t.Errorf("took %d bytes at once", first)
	}
}
