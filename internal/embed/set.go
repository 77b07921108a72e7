package embed

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Set is vectors of length 1 among which the nearest is looked for, exactly. Memory: 4 bytes a
// number, and 2 MiB while it looks.
type Set struct {
	dims, head int
	rows       []float32
	tails      []float32 // length of what is behind the head, of each vector
}

// The sizes of what is multiplied at a time; they bear on no result but the last bits of a
// cosine, and never change.
const (
	tileQueries = 256
	tileRows    = 2048
	// slack is more than what rounding adds to a product.
	slack = 1e-4
)

// Len is how many vectors are in the set.
func (s *Set) Len() int { return len(s.tails) }

// Add adds a vector; all must be of one size.
func (s *Set) Add(v []float32) {
	if s.dims == 0 {
		s.dims = len(v)
		if s.head = s.dims / 4; s.dims < 64 {
			s.head = s.dims
		}
	}
	s.rows = append(s.rows, v...)
	s.tails = append(s.tails, float32(length(v[s.head:])))
}

func length(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// rounding is how far the product of a vector of length 1 with itself may be from 1.
const rounding = 1e-6

// Near is a vector of a set, and its cosine. At is -1 where there is none.
type Near struct {
	At     int32
	Cosine float32
}

// Nearest finds for each query, of length 1, the vector of the set with the greatest cosine, the
// first of several, if that is at least least. A nil query has none.
//
// A product of the first quarter of the numbers says of most pairs that they cannot reach least
// or the best so far, since the rest adds at most the product of its lengths; the others are
// multiplied whole.
func (s *Set) Nearest(queries [][]float32, least float32) []Near {
	out := make([]Near, len(queries))
	for i := range out {
		out[i] = Near{At: -1, Cosine: least - rounding}
	}
	var which []int
	flat := make([]float32, 0, tileQueries*s.dims)
	products := make([]float32, tileQueries*tileRows)
	for i, q := range queries {
		if q != nil {
			which, flat = append(which, i), append(flat, q...)
		}
		if len(which) == tileQueries || i == len(queries)-1 && len(which) > 0 {
			s.block(flat, which, products, out)
			which, flat = which[:0], flat[:0]
		}
	}
	return out
}

// block looks for the nearest of some queries, tile by tile of the set.
func (s *Set) block(flat []float32, which []int, products []float32, out []Near) {
	tails := make([]float32, len(which))
	for k := range which {
		tails[k] = float32(length(flat[k*s.dims+s.head : (k+1)*s.dims]))
	}
	for from := 0; from < s.Len(); from += tileRows {
		to := min(s.Len(), from+tileRows)
		c := blas32.General{Rows: len(which), Cols: to - from, Stride: to - from, Data: products}
		s.multiply(flat, len(which), from, to, 0, s.head, 0, c)
		if s.head < s.dims && s.many(c, tails, which, out, from) {
			s.multiply(flat, len(which), from, to, s.head, s.dims, 1, c)
			s.take(c, nil, flat, which, out, from)
		} else {
			s.take(c, tails, flat, which, out, from)
		}
	}
}

// multiply sets c to the products of the numbers lo to hi, or adds them to it.
func (s *Set) multiply(flat []float32, queries, from, to, lo, hi int, keep float32, c blas32.General) {
	a := blas32.General{Rows: queries, Cols: hi - lo, Stride: s.dims, Data: flat[lo:]}
	b := blas32.General{Rows: to - from, Cols: hi - lo, Stride: s.dims, Data: s.rows[from*s.dims+lo:]}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, a, b, keep, c)
}

// many says whether so many pairs may be near that all are multiplied whole sooner than they are one by one.
func (s *Set) many(c blas32.General, tails []float32, which []int, out []Near, from int) bool {
	n := 0
	for k, i := range which {
		for j, p := range c.Data[k*c.Stride : k*c.Stride+c.Cols] {
			if p+tails[k]*s.tails[from+j]+slack >= out[i].Cosine {
				n++
			}
		}
	}
	return n > c.Rows*c.Cols/16
}

// take keeps the best of the products. With tails they are those of the heads.
func (s *Set) take(c blas32.General, tails, flat []float32, which []int, out []Near, from int) {
	part := s.head < s.dims && tails != nil
	for k, i := range which {
		q := flat[k*s.dims : (k+1)*s.dims]
		for j, p := range c.Data[k*c.Stride : k*c.Stride+c.Cols] {
			at := from + j
			if part {
				if p+tails[k]*s.tails[at]+slack < out[i].Cosine {
					continue
				}
				rest := s.rows[at*s.dims+s.head : (at+1)*s.dims]
				p += blas32.Dot(blas32.Vector{N: len(rest), Inc: 1, Data: q[s.head:]}, blas32.Vector{N: len(rest), Inc: 1, Data: rest})
			}
			if p > out[i].Cosine || p == out[i].Cosine && out[i].At < 0 {
				out[i] = Near{At: int32(at), Cosine: p}
			}
		}
	}
}
