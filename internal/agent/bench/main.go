package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// options are the command's.
type options struct {
	binary  string
	pairs   int
	seed    uint64
	threads int
	turn    time.Duration
	steps   map[string]int // by job
	every   map[string]int // steps between checkpoints, by job
	limit   float64
	out     string
}

func parse() (options, error) {
	o := options{steps: map[string]int{}, every: map[string]int{}}
	flag.StringVar(&o.binary, "r1ctl", "bin/r1ctl", "the binary to measure")
	flag.IntVar(&o.pairs, "pairs", 10, "pairs a job")
	flag.Uint64Var(&o.seed, "seed", 1, "of who begins within pairs")
	flag.IntVar(&o.threads, "threads", 0, "CPU threads of the trainer, as site.threads; 0 lets it choose")
	grpo, sft := flag.Int("grpo-steps", 40, "steps of RL"), flag.Int("sft-steps", 300, "steps of SFT")
	grpoEvery, sftEvery := flag.Int("grpo-checkpoint", 4, "steps of RL between checkpoints"), flag.Int("sft-checkpoint", 20, "steps of SFT between checkpoints")
	flag.DurationVar(&o.turn, "turn", 500*time.Millisecond, "how long either training of a pair has the machine at a time")
	flag.Float64Var(&o.limit, "limit", 0.05, "the most that the upper bound of the slow-down may be")
	flag.StringVar(&o.out, "out", "", "write the page to this file; empty prints it")
	flag.Parse()
	o.steps["grpo"], o.steps["sft"], o.every["grpo"], o.every["sft"] = *grpo, *sft, *grpoEvery, *sftEvery
	if o.pairs < 2 {
		return o, fmt.Errorf("-pairs is %d; an interval needs at least 2", o.pairs)
	}
	var err error
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return o, err
	}
	_, err = os.Stat(o.binary)
	return o, err
}

// run measures, writes the page, and says whether every job stays within the limit.
func run(ctx context.Context) (bool, error) {
	o, err := parse()
	if err != nil {
		return false, err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return false, err
	}
	defer b.close()
	jobs, err := b.jobs(ctx)
	if err != nil {
		return false, err
	}
	page := page{options: o, machine: describeMachine()}
	random := rand.New(rand.NewPCG(o.seed, 0))
	for i := range jobs {
		page.jobs = append(page.jobs, comparison{job: jobs[i]})
	}
	// The first pair of each job warms the caches of files and is not counted.
	for n := range o.pairs + 1 {
		for i := range page.jobs {
			c := &page.jobs[i]
			p, err := b.pair(ctx, c.job, n, random.IntN(2) == 0)
			if err != nil {
				return false, fmt.Errorf("pair %d of %s: %w", n, c.job.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s pair %d of %d: %.2f s alone, %.2f s under the agent (%+.1f %%)%s\n",
				c.job.name, n, o.pairs, p.alone.train, p.agent.train, 100*(p.agent.train/p.alone.train-1), map[bool]string{true: ", not counted"}[n == 0])
			if n > 0 {
				c.pairs = append(c.pairs, p)
			}
		}
	}
	text := page.markdown()
	if o.out == "" {
		fmt.Print(text)
	} else if err := os.WriteFile(o.out, []byte(text), 0o644); err != nil {
		return false, err
	}
	ok := true
	for _, c := range page.jobs {
		bound := ratios(c.pairs, trainTime)
		fmt.Fprintf(os.Stderr, "%s: %s\n", c.job.name, bound.percent())
		ok = ok && bound.high <= 1+o.limit
	}
	return ok, nil
}
