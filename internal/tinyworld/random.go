package tinyworld

import (
	"hash/fnv"
	"math/bits"
	"math/rand/v2"
)

// random draws from a PCG. It does its own reduction to a range, because rows
// must stay the same when the standard library improves its own.
type random struct{ source *rand.PCG }

// newRandom gives every purpose its own sequence of a seed.
func newRandom(seed int, purpose string) *random {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return &random{rand.NewPCG(uint64(seed), h.Sum64())}
}

// below draws from 0 to n-1.
func (r *random) below(n int) int {
	high, _ := bits.Mul64(r.source.Uint64(), uint64(n))
	return int(high)
}

// between draws from least to most, both included.
func (r *random) between(least, most int) int { return least + r.below(most-least+1) }

// percent is true in share of 100 draws.
func (r *random) percent(share int) bool { return r.below(100) < share }

func pick[T any](r *random, from []T) T { return from[r.below(len(from))] }
