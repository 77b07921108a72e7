package maths_test

import (
	"syscall"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/maths"
	"github.com/r1ctl/r1ctl/internal/verify/maths/pairs"
)

// benchmark judges rows one by one and reports how many a second.
func benchmark(b *testing.B, rows []pairs.Pair, judge func(gold, answer string) maths.Decision) {
	b.Helper()
	if len(rows) == 0 {
		b.Fatal("no rows")
	}
	b.ReportAllocs()
	start := processor(b)
	n := 0
	for b.Loop() {
		p := &rows[n%len(rows)]
		judge(p.Gold, p.Answer)
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "pairs/s")
	b.ReportMetric(float64(n)/(processor(b)-start), "pairs/cpu-s")
}

// processor is the processor time of this process in seconds: on a machine
// that others use too, the clock on the wall measures them.
func processor(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func tier(n int) []pairs.Pair {
	var out []pairs.Pair
	for _, p := range pairs.Generate(5, 7200) {
		if d := maths.Compare(p.Gold, p.Answer); d.Decided && d.Tier == n {
			out = append(out, p)
		}
	}
	return out
}

func BenchmarkTier0(b *testing.B) { benchmark(b, tier(0), maths.Compare) }

func BenchmarkTier1(b *testing.B) { benchmark(b, tier(1), maths.Compare) }

func BenchmarkMathStyle(b *testing.B) { benchmark(b, pairs.Responses(5, 2000), maths.Judge) }
