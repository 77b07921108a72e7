package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

//go:embed openr1.py
var script []byte

func main() {
	var b bench
	flag.IntVar(&b.rows, "rows", 100_000, "rows of the whole chain")
	flag.IntVar(&b.sample, "sample", 20_000, "of them, rows for each filter by itself")
	flag.IntVar(&b.texts, "texts", 2_000, "of them, rows for Python, with their traces, in memory")
	flag.IntVar(&b.prompts, "prompts", 20_000, "of them, rows for Python, from file to file")
	flag.IntVar(&b.questions, "questions", 20_000, "benchmark questions")
	flag.IntVar(&b.size, "size", 16_000, "bytes of a thinking, on average")
	flag.StringVar(&b.dir, "dir", "build/bench-curate", "folder for data; about 3 bytes for each byte of rows")
	flag.StringVar(&b.parts, "parts", "filters,chain,python", "what is measured")
	flag.BoolVar(&b.brief, "brief", false, "of the chain, only what many rows bear on")
	flag.StringVar(&b.profile, "profile", "", "write a CPU profile of the chain here")
	child := flag.String("child", "", "")
	flag.Parse()
	ctx := context.Background()
	if *child != "" {
		if err := runChild(ctx, *child); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func runChild(ctx context.Context, spec string) error {
	var t task
	if err := json.Unmarshal([]byte(spec), &t); err != nil {
		return err
	}
	o, err := t.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

type bench struct {
	rows, sample, texts, prompts, questions, size int
	brief                                         bool
	dir, profile, parts                           string
}

// measure runs a task in a process of its own.
func (b bench) measure(ctx context.Context, t task) (o outcome, err error) {
	t.Dir = b.dir
	if t.Format == "" {
		t.Format = "jsonl.zst"
	}
	spec, err := json.Marshal(t)
	if err != nil {
		return o, err
	}
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	out, err := output(exec.CommandContext(ctx, self, "-child", string(spec)))
	if err != nil {
		return o, fmt.Errorf("measure %s %s: %w", t.Do, t.Steps, err)
	}
	return o, json.Unmarshal(out, &o)
}

func output(cmd *exec.Cmd) ([]byte, error) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, errs.String())
	}
	return out, nil
}

func (b bench) run(ctx context.Context) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	size, err := generate(b.dir, b.rows, b.questions, b.size)
	if err != nil {
		return fmt.Errorf("generate rows: %w", err)
	}
	fmt.Printf("%d rows, %.2f GB of JSON, %d benchmark questions; %d cores, %s\n\n", b.rows, float64(size)/1e9, b.questions, runtime.NumCPU(), runtime.Version())
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"filters", b.filters}, {"chain", b.chain}, {"python", b.python}} {
		if !strings.Contains(b.parts, part.name) {
			continue
		}
		if err := part.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func mbs(o outcome) float64 { return float64(o.Bytes) / 1e6 / o.Seconds }

// mbsCPU is per second of one core's work, which other programs bear on less.
func mbsCPU(o outcome) float64 { return float64(o.Bytes) / 1e6 / o.CPU }

// filter is a step to measure.
type filter struct{ name, step string }

func filters() []filter {
	return []filter{
		{"format", `{"do":"format","style":"think"}`},
		{"language", `{"do":"language","min":0.95}`},
		{"repetition", `{"do":"repetition","max":0.3}`},
		{"dedup", `{"do":"dedup"}`},
		{"decontaminate", `{"do":"decontaminate","against":"eval"}`},
		{"near-dedup", `{"do":"near-dedup"}`},
		{"mix", `{"do":"mix","weights":{"math":2,"code":1,"science":1}}`},
	}
}

// others are steps that are not in the chain.
func others() []filter {
	return []filter{
		{"decontaminate, normalize: full", `{"do":"decontaminate","against":"eval","normalize":"full"}`},
		{"decontaminate, compat: open-r1", `{"do":"decontaminate","against":"eval","compat":"open-r1","ngram":8}`},
		{"paraphrase", `{"do":"paraphrase","against":"eval"}`},
		{"repeated-lines", `{"do":"repeated-lines"}`}, {"loop", `{"do":"loop"}`}, {"truncated", `{"do":"truncated"}`}, {"readable", `{"do":"readable"}`},
		{"paragraph", `{"do":"paragraph","max":100000}`}, {"leakage", `{"do":"leakage"}`}, {"refusal", `{"do":"refusal"}`}, {"pii", `{"do":"pii"}`},
		{"behaviours", `{"do":"behaviours","min":{"verification":0}}`},
	}
}

func (b bench) filters(ctx context.Context) error {
	fmt.Printf("## Each filter by itself, over %d rows\n\n", b.sample)
	fmt.Println("Whole: rows read from zstd, the filter, rows written as zstd. By itself: what the filter adds to the work without one. " +
		"MB a core-second is by the time that cores computed, which other programs on the machine bear on less.\n\n" +
		"| what | MB/s whole | MB a core-second, whole | MB a core-second, by itself |\n| --- | --- | --- | --- |")
	for _, base := range []struct{ name, do string }{{"zstd alone, one goroutine's lines", "zstd"}, {"zstd and encoding/json, a plain loop", "json"}} {
		o, err := b.measure(ctx, task{Do: base.do, Rows: rowsFile, Limit: b.sample})
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.0f | %.0f | |\n", base.name, mbs(o), mbsCPU(o))
	}
	none, err := b.measure(ctx, task{Rows: rowsFile, Limit: b.sample})
	if err != nil {
		return err
	}
	fmt.Printf("| no filter: read, decode, write | %.0f | %.0f | |\n", mbs(none), mbsCPU(none))
	for _, f := range slices.Concat(filters(), others()) {
		o, err := b.measure(ctx, task{Rows: rowsFile, Limit: b.sample, Steps: []json.RawMessage{json.RawMessage(f.step)}})
		if err != nil {
			return err
		}
		alone := "more than 1000"
		if extra := o.CPU - none.CPU; extra > float64(o.Bytes)/1e9 {
			alone = fmt.Sprintf("%.0f", float64(o.Bytes)/1e6/extra)
		}
		fmt.Printf("| %s | %.0f | %.0f | %s |\n", f.name, mbs(o), mbsCPU(o), alone)
	}
	return nil
}

func (b bench) chain(ctx context.Context) error {
	var steps []json.RawMessage
	for _, f := range filters() {
		steps = append(steps, json.RawMessage(f.step))
	}
	fmt.Printf("\n## The chain, over %d rows\n\n| | MB/s | MB a core-second | peak memory | index, bytes a row |\n| --- | --- | --- | --- | --- |\n", b.rows)
	var funnel string
	for _, c := range []struct {
		name  string
		task  task
		brief bool
	}{
		{"zstd and encoding/json alone, a plain loop", task{Do: "json"}, true},
		{"no filter: read, decode, write", task{}, true},
		{"the chain", task{Steps: steps, Profile: b.profile}, true},
		{"the chain, written without compression", task{Steps: steps, Format: "jsonl"}, false},
		{"the chain, one worker", task{Steps: steps, Workers: 1}, false},
		{"the chain, 1 MiB of memory for the index", task{Steps: steps, Memory: 1 << 20}, true},
	} {
		if b.brief && !c.brief {
			continue
		}
		c.task.Rows = rowsFile
		o, err := b.measure(ctx, c.task)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.1f | %.1f | %d MiB | %.1f |\n", c.name, mbs(o), mbsCPU(o), o.PeakMB, float64(o.Index)/float64(max(1, o.In)))
		if c.name == "the chain" {
			funnel = fmt.Sprintf("read %d, %skept %d", o.In, o.Funnel, o.Kept)
		}
	}
	fmt.Printf("\nIts funnel: %s.\n", funnel)
	return nil
}

// python compares with a script that has open-r1's rule.
func (b bench) python(ctx context.Context) error {
	path := filepath.Join(b.dir, "openr1.py")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		return err
	}
	for name, lines := range map[string]int{"texts.jsonl": b.texts, "prompts.jsonl": b.prompts} {
		if err := head(filepath.Join(b.dir, rowsFile), filepath.Join(b.dir, name), lines); err != nil {
			return err
		}
	}
	procs := runtime.NumCPU()
	fmt.Printf("\n## Beside Python with open-r1's rule, %d processes against %d cores\n\n| | Python | r1ctl | ratio | same rows dropped |\n| --- | --- | --- | --- | --- |\n", procs, procs)
	compat := []json.RawMessage{json.RawMessage(`{"do":"decontaminate","against":"eval","compat":"open-r1","ngram":8}`)}
	for _, c := range []struct {
		name, mode, rows string
		task             task
	}{
		{"whole traces in memory", "memory", "texts.jsonl", task{Do: "memory", Workers: procs}},
		{"prompts, from file to file", "file", "prompts.jsonl", task{Steps: compat, Format: "jsonl"}},
	} {
		raw, err := output(exec.CommandContext(ctx, "python3", path, c.mode, filepath.Join(b.dir, "eval.jsonl"), filepath.Join(b.dir, c.rows), filepath.Join(b.dir, "kept"), fmt.Sprint(procs)))
		if err != nil {
			return fmt.Errorf("run the script: %w", err)
		}
		var theirs struct {
			Seconds float64
			Rows    int
			Dropped []string
		}
		if err := json.Unmarshal(raw, &theirs); err != nil {
			return err
		}
		c.task.Rows = c.rows
		ours, err := b.measure(ctx, c.task)
		if err != nil {
			return err
		}
		same := "yes"
		slices.Sort(theirs.Dropped)
		slices.Sort(ours.Dropped)
		if !slices.Equal(theirs.Dropped, ours.Dropped) || theirs.Rows != ours.In {
			same = fmt.Sprintf("NO: %d and %d", len(theirs.Dropped), len(ours.Dropped))
		}
		fmt.Printf("| %s, %d rows | %.2f s | %.2f s | %.1f | %s, %d |\n", c.name, ours.In, theirs.Seconds, ours.Seconds, theirs.Seconds/ours.Seconds, same, len(ours.Dropped))
	}
	return nil
}
