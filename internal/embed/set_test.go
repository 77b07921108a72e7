package embed

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// drawn are vectors of length 1 at random, with so much in common.
func drawn(r *rand.Rand, n, dims int, common float32) [][]float32 {
	all := make([][]float32, n)
	for i := range all {
		all[i] = make([]float32, dims)
		for k := range all[i] {
			all[i][k] = float32(r.NormFloat64()) + common
		}
		unit(all[i])
	}
	return all
}

// mixed is a vector near another.
func mixed(v, noise []float32, share float32) []float32 {
	out := make([]float32, len(v))
	for k := range v {
		out[k] = v[k] + share*noise[k]
	}
	unit(out)
	return out
}

// The nearest is that of a plain loop over all pairs, whatever the size, and however much
// the vectors have in common.
func TestNearestIsExact(t *testing.T) {
	for _, dims := range []int{3, 64, 100, 384} {
		for _, common := range []float32{0, 0.5, 2} {
			r := rand.New(rand.NewPCG(1, uint64(dims)))
			in := drawn(r, tileRows+300, dims, common)
			noise := drawn(r, tileQueries+20, dims, 0)
			queries := make([][]float32, len(noise))
			for i := range queries {
				queries[i] = mixed(in[(i*37)%len(in)], noise[i], float32(i%7)/3)
			}
			queries[5] = nil
			var s Set
			for _, v := range in {
				s.Add(v)
			}
			for _, least := range []float32{-2, 0.9} {
				for i, got := range s.Nearest(queries, least) {
					at, best := -1, float64(least)
					for j, v := range in {
						sum := 0.0
						for k := range queries[i] {
							sum += float64(v[k]) * float64(queries[i][k])
						}
						if sum > best && queries[i] != nil {
							at, best = j, sum
						}
					}
					if d := float64(got.Cosine) - best; (int(got.At) != at || d > 1e-5 || d < -1e-5) && !(d < 1e-5 && d > -1e-5 && at >= 0 && got.At >= 0) {
						t.Fatalf("%d numbers, common %g, least %g, query %d: got %v, want %d with %g", dims, common, least, i, got, at, best)
					}
				}
			}
		}
	}
}

// Of equal vectors the first is found.
func TestTiesGoToTheFirst(t *testing.T) {
	v := []float32{0.6, 0.8}
	var s Set
	for range 3 {
		s.Add(v)
	}
	if got := s.Nearest([][]float32{v, nil}, 0.5); got[0].At != 0 || got[1].At != -1 {
		t.Error(got)
	}
}

// BenchmarkNearest is of 20,000 vectors as those of benchmarks' questions, and 1,000 rows an operation.
func BenchmarkNearest(b *testing.B) {
	for _, dims := range []int{384, 1024} {
		for _, common := range []float32{0, 1} { // unrelated texts: cosine 0, and 0.5
			b.Run(fmt.Sprintf("dims=%d/common=%g", dims, common), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				var s Set
				for _, v := range drawn(r, 20_000, dims, common) {
					s.Add(v)
				}
				queries := drawn(r, 1000, dims, common)
				for b.Loop() {
					s.Nearest(queries, 0.9)
				}
				b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
