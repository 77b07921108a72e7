package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// comparison is a job with its pairs.
type comparison struct {
	job   job
	pairs []pair
}

// machine is where it was measured.
type machine struct {
	cores int
	model string
	load  float64 // of the last minute, before the first pair
}

// busy says whether other work had much of the machine.
func (m machine) busy() bool { return m.load > float64(m.cores)/4 }

func describeMachine() machine {
	m := machine{cores: runtime.NumCPU(), model: "unknown CPU"}
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.model = strings.TrimSpace(value)
				break
			}
		}
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(raw), &m.load) // 0 where it says nothing
	}
	return m
}

// page is docs/agent-overhead.md.
type page struct {
	options options
	machine machine
	jobs    []comparison
}

func (p page) markdown() string {
	var b bytes.Buffer
	o := p.options
	fmt.Fprint(&b, "<!-- written by make bench-agent -->\n# What the agent costs the trainer\n\n")
	fmt.Fprintf(&b, "The same job trained alone (`python -m r1trainer job.json`, with a verifier beside RL) and under `r1ctl agent`: heartbeats, metrics and log\n"+
		"every 3 s, complete checkpoints uploaded to the embedded S3 server, which syncs to disk. Model, data and parameters are those of full-r1's laptop\n"+
		"profile, but with many more checkpoints. %d pairs a job, after one that is not counted.\n\n"+
		"Both trainings of a pair run at once and have the machine by turns of %s: all processes of one stand still (SIGSTOP) while those of the other go on,\n"+
		"agent, verifier and S3 server with the training that they serve. So what the machine does besides, and its speed, meet both alike. Who begins is\n"+
		"tossed (seed %d). The agent's clock goes on while it stands still, so its `--interval` is set to %s: every 3 s of its own training.\n\n", o.pairs, o.turn, o.seed, pace)
	threads := "chosen by the trainer"
	if o.threads > 0 {
		threads = fmt.Sprint(o.threads)
	}
	fmt.Fprintf(&b, "Machine: %d cores (%s), load %.1f before; threads of the trainer: %s; nothing pinned. Everything runs on these cores: agent, S3 server, verifier.\n\n",
		p.machine.cores, p.machine.model, p.machine.load, threads)
	if p.machine.busy() {
		b.WriteString("**The machine was busy: it had other work when it began.** By turns that meets both sides alike, and makes the intervals wider.\n\n")
	}
	b.WriteString("| job | | alone | under the agent | more (95 % interval) |\n| --- | --- | --- | --- | --- |\n")
	for _, c := range p.jobs {
		for _, row := range []struct {
			name string
			of   func(measurement) float64
		}{{"trainer's time", trainTime}, {"trainer's CPU time", trainCPU}, {"CPU time of all processes", allCPU}} {
			fmt.Fprintf(&b, "| %s | %s | %.1f s | %.1f s | %s |\n", c.job.name, row.name,
				mean(c.pairs, alone, row.of), mean(c.pairs, byAgent, row.of), ratios(c.pairs, row.of).percent())
		}
	}
	b.WriteString("\nThe trainer's time is that of its turns from its first line of metrics to its summary; CPU times include the start of the processes. More is the geometric mean over pairs,\n" +
		"its interval Student's t over the logarithms. " + p.verdict() + "\n\n")
	for _, c := range p.jobs {
		last := c.pairs[len(c.pairs)-1].agent
		stored := mean(c.pairs, byAgent, func(m measurement) float64 { return float64(m.checkpoints) })
		fmt.Fprintf(&b, "- %s: %d steps, a checkpoint of %.1f MB every %d steps, of which %.1f were stored in the mean (the newest complete one at each tick).\n",
			c.job.name, last.steps, float64(last.bytes)/1e6, c.job.every, stored)
	}
	b.WriteString("\n| pair |")
	for _, c := range p.jobs {
		fmt.Fprintf(&b, " %s alone | under the agent | more |", c.job.name)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- | --- | --- |", len(p.jobs)) + "\n")
	for n := range o.pairs {
		fmt.Fprintf(&b, "| %d |", n+1)
		for _, c := range p.jobs {
			x := c.pairs[n]
			fmt.Fprintf(&b, " %.2f s | %.2f s | %+.1f %% |", x.alone.train, x.agent.train, 100*(x.agent.train/x.alone.train-1))
		}
		b.WriteString("\n")
	}
	b.WriteString("\nWhat it does not show: a large model on a GPU, whose checkpoints are gigabytes and whose cores are mostly idle; a far S3; and what follows a run on the\n" +
		"same machine (the embedded Temporal and its worker), which costs a laptop some CPU whether the agent is there or not.\n")
	return b.String()
}

// verdict says whether the bound holds.
func (p page) verdict() string {
	var over []string
	for _, c := range p.jobs {
		if ratios(c.pairs, trainTime).high > 1+p.options.limit {
			over = append(over, c.job.name)
		}
	}
	bound := fmt.Sprintf("The bound of %g %% ", 100*p.options.limit)
	if len(over) > 0 {
		return bound + "does not hold for " + strings.Join(over, ", ") + "."
	}
	return bound + "holds."
}
