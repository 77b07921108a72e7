package report

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestSeriesStaysSmallAndTrue(t *testing.T) {
	for _, n := range []int{1, maxPoints, maxPoints + 1, 10400, 99999} {
		var s series
		var sum float64
		for i := range n {
			v := float64(i % 7)
			s.add(float64(i), v)
			sum += v
		}
		if len(s.points) > maxPoints || n > maxPoints && len(s.points) < maxPoints/2 {
			t.Errorf("%d values make %d points", n, len(s.points))
		}
		var got float64
		count := 0
		for i, p := range s.points {
			got += p.Value * float64(p.N)
			count += p.N
			if i > 0 && p.Step <= s.points[i-1].Step || p.Min > p.Value || p.Max < p.Value {
				t.Fatalf("%d values: point %d is %+v", n, i, p)
			}
		}
		if count != n || math.Abs(got-sum) > 1e-6*max(1, sum) {
			t.Errorf("%d values: %d are left, with sum %v of %v", n, count, got, sum)
		}
	}
}

func TestSmooth(t *testing.T) {
	in := []Point{{Step: 1, Value: 0}, {Step: 2, Value: 3}, {Step: 3, Value: 6}, {Step: 4, Value: 0}}
	var got []float64
	for _, p := range Smooth(in, 3) {
		got = append(got, p.Value)
	}
	if want := []float64{1.5, 3, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	got = nil
	for _, p := range Smooth(in, 3, 2) {
		got = append(got, p.Value)
	}
	if want := []float64{1.5, 1.5, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("with a break after step 2: %v, want %v", got, want)
	}
}

func TestLinesOfAnyForm(t *testing.T) {
	var got []string
	w := &lineWriter{each: func(line []byte) { got = append(got, string(line)) }}
	for _, part := range []string{"a\nb", "c\n", strings.Repeat("x", maxLine), "y\n", "\nd\nunfinished"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := []string{"a", "bc", "d"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestExamplesLieEvenlyOverTheSteps(t *testing.T) {
	h := newHistory()
	for i := range 1000 {
		h.take(r1.MetricsLine{Type: "text", Step: 10 * i, Text: map[string]string{"response": fmt.Sprint(i)}}, math.MaxInt)
	}
	texts := h.examples()
	if len(texts) != maxTexts || texts[0].Step != 0 || texts[maxTexts-1].Step < 8000 {
		raw, _ := json.Marshal(texts)
		t.Errorf("%s", raw)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for in, want := range map[float64]string{0: "0.00", 0.5: "0.50", 0.00123: "0.0012", 29.5: "29.5", 1037: "1\u202f037", 250.4: "250", 7: "7.00"} {
		if got := number(in); got != want {
			t.Errorf("number(%v) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[float64]string{0.44: "0.4 s", 61: "61 s", 659: "10 min 59 s", 7200: "2 h 00 min", 200000: "2 d 07 h"} {
		if got := Duration(in); got != want {
			t.Errorf("Duration(%v) = %q, want %q", in, got, want)
		}
	}
	if got := byteSize(1234567); got != "1.23 MB" {
		t.Error(got)
	}
}
