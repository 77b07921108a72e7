// Command chaos injects faults into real runs of r1ctl and writes what came of
// them: see package chaos. make chaos and make chaos-short call it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/r1ctl/r1ctl/internal/chaos"
)

// Exit codes.
const (
	exitHeld     = 0
	exitViolated = 1 // something that must hold did not
	exitUsage    = 2
	exitBroken   = 3 // the suite itself could not go on, or was interrupted
)

func main() {
	if is, err := chaos.RunPart(context.Background(), os.Args[1:]); is {
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(exitBroken)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

func run(ctx context.Context, args []string, out io.Writer) int {
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	bin := f.String("bin", "build/chaos", "folder with r1ctl (built with -tags chaos) and dummytrainer")
	real := f.String("real", "", "recipe file for the runs with the real trainer; none without")
	short := f.Bool("short", false, "some twenty of the most different faults, scripted, in a minute or two")
	only := f.String("only", "", "only faults whose name contains this")
	rig := f.String("rig", "", "only this rig: laptop, cluster, disk, real")
	seed := f.Uint64("seed", 1, "order and places of the faults")
	lanes := f.Int("lanes", 3, "scripted runs side by side")
	list := f.Bool("list", false, "list the faults and end")
	result := f.String("json", "build/chaos.json", "where to write the result")
	report := f.String("report", "", "where to write the report; only for a whole suite")
	version := f.String("version", "unknown", "of r1ctl, for the result")
	commit := f.String("commit", "unknown", "of the source, for the result")
	if err := f.Parse(args); err != nil || f.NArg() > 0 {
		return exitUsage
	}
	if *list {
		return listKinds(out)
	}
	binaries, err := find(*bin)
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return exitUsage
	}
	o := chaos.Options{
		Binaries: binaries, RealRecipe: *real, Short: *short, Only: *only, Rig: *rig, Seed: *seed, Lanes: *lanes,
		Version: *version, Commit: *commit, Say: printer(out),
	}
	res, err := chaos.Run(ctx, o)
	if res == nil {
		fmt.Fprintln(out, "error:", err)
		return exitBroken
	}
	whole := !*short && *only == "" && *rig == "" && *real != ""
	if whole && err == nil {
		res.Require()
	}
	if werr := write(res, *result, *report, whole && err == nil); werr != nil {
		fmt.Fprintln(out, "error:", werr)
		return exitBroken
	}
	fmt.Fprintf(out, "%d faults injected, %d of them into real training; doubled %d, orphaned %d, damaged %d, unnamed failures %d, not injected %d; %s\n",
		res.Injected, res.InjectedReal, res.Doubled, res.Orphaned, res.Damaged, res.UnnamedFailures, len(res.NotInjected), *result)
	for _, v := range res.Violations {
		fmt.Fprintln(out, "VIOLATED", v)
	}
	switch {
	case err != nil:
		fmt.Fprintln(out, "error:", err)
		return exitBroken
	case len(res.Violations) > 0:
		return exitViolated
	}
	return exitHeld
}

func write(res *chaos.Result, result, report string, whole bool) error {
	if err := res.Write(result); err != nil {
		return err
	}
	if report == "" || !whole {
		return nil
	}
	return os.WriteFile(report, []byte(res.Markdown()), 0o644)
}

// printer says lines with the time since it was made.
func printer(out io.Writer) func(string) {
	var mu sync.Mutex
	began := time.Now()
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, "%6.1f %s\n", time.Since(began).Seconds(), text)
	}
}

func find(dir string) (chaos.Binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return chaos.Binaries{}, fmt.Errorf("find the binaries: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return chaos.Binaries{}, fmt.Errorf("find this binary: %w", err)
	}
	b := chaos.Binaries{R1ctl: filepath.Join(dir, "r1ctl"), Dummy: filepath.Join(dir, "dummytrainer"), Self: self}
	for _, file := range []string{b.R1ctl, b.Dummy} {
		if _, err := os.Stat(file); err != nil {
			return b, fmt.Errorf("%w; make chaos builds it", err)
		}
	}
	return b, nil
}

func listKinds(out io.Writer) int {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "FAULT\tTIMES\tSHORT\tWHAT")
	for _, k := range chaos.Kinds() {
		var times []string
		for _, rig := range []chaos.RigName{chaos.Laptop, chaos.Cluster, chaos.Disk, chaos.Real} {
			if n := k.Times[rig]; n > 0 {
				times = append(times, fmt.Sprintf("%s %d", rig, n))
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Name, strings.Join(times, ", "), k.Short, k.What)
	}
	if w.Flush() != nil {
		return exitBroken
	}
	return exitHeld
}
