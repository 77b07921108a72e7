// Command bench measures tiers 0 and 1 against math-verify's own loop over the
// same rows, whose truth is known by construction, and writes what it found
// into docs/math.md. `make bench-verify` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/maths"
	"github.com/r1ctl/r1ctl/internal/verify/maths/pairs"
)

// settings are the flags.
type settings struct {
	python  string
	rows    int
	pairs   int
	cores   int
	seed    uint64
	seconds time.Duration
	doc     string
}

func main() {
	var s settings
	flag.StringVar(&s.python, "python", "python3", "a Python that has math-verify")
	flag.IntVar(&s.rows, "rows", 2000, "responses to judge")
	flag.IntVar(&s.pairs, "pairs", 3600, "short pairs to judge")
	flag.IntVar(&s.cores, "cores", 2, "processor cores for tiers 0 and 1")
	flag.Uint64Var(&s.seed, "seed", 11, "what the rows are made from")
	flag.DurationVar(&s.seconds, "for", 2*time.Second, "how long tiers 0 and 1 go over the rows")
	flag.StringVar(&s.doc, "doc", "", "a page to write the tables into, between its markers")
	flag.Parse()
	if err := run(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	runtime.GOMAXPROCS(s.cores)
	responses := pairs.Responses(s.seed, s.rows)
	speed := measure(responses, s.cores, s.seconds)
	other, err := loop(ctx, s.python, responses)
	if err != nil {
		return err
	}
	bench := speedTable(responses, speed, other, s.cores)

	short := pairs.Generate(s.seed, s.pairs)
	ours := make([]maths.Decision, len(short))
	for i, p := range short {
		ours[i] = maths.Compare(p.Gold, p.Answer)
	}
	theirs, err := loop(ctx, s.python, dollars(short))
	if err != nil {
		return err
	}
	quality := qualityTable(short, ours, theirs)
	fmt.Println(bench)
	fmt.Println(quality)
	if s.doc == "" {
		return nil
	}
	return write(s.doc, map[string]string{"bench": bench, "quality": quality})
}

// speed is what tiers 0 and 1 did.
type speed struct {
	perSecond float64 // by the clock
	perCPU    float64 // a second of processor time
	decisions []maths.Decision
}

// measure judges the rows on some cores, over and over for a while.
func measure(rows []pairs.Pair, cores int, d time.Duration) speed {
	s := speed{decisions: make([]maths.Decision, len(rows))}
	judge := func(worker int) {
		for i := worker; i < len(rows); i += cores {
			s.decisions[i] = maths.Judge(rows[i].Gold, rows[i].Answer)
		}
	}
	start, cpu := time.Now(), processor()
	rounds := 0
	for rounds == 0 || time.Since(start) < d {
		var wg sync.WaitGroup
		for w := range cores {
			wg.Go(func() { judge(w) })
		}
		wg.Wait()
		rounds++
	}
	s.perCPU = float64(rounds*len(rows)) / (processor() - cpu)
	s.perSecond = float64(rounds*len(rows)) / time.Since(start).Seconds()
	return s
}

// processor is the processor time of this process in seconds.
func processor() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return math.NaN()
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// dollars writes answers as math-verify wants them; a gold answer loses what
// would clash with the signs that it gets there.
func dollars(in []pairs.Pair) []pairs.Pair {
	out := make([]pairs.Pair, len(in))
	for i, p := range in {
		p.Gold, p.Answer = bare(p.Gold), "$"+bare(p.Answer)+"$"
		out[i] = p
	}
	return out
}

func bare(s string) string {
	s = strings.TrimSpace(s)
	for _, pair := range [][2]string{{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}} {
		if inner, ok := strings.CutPrefix(s, pair[0]); ok {
			if inner, ok := strings.CutSuffix(inner, pair[1]); ok {
				return inner
			}
		}
	}
	return strings.TrimSuffix(s, ".")
}

// right says whether a decision agrees with the truth; known is false where there is none.
func right(p pairs.Pair, d maths.Decision) (ok, known bool) {
	return (d.Label == r1.Correct) == p.Equal, d.Decided
}
