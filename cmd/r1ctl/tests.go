package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/testcases"
)

type testsFlags struct {
	testcases.Options
	generators, solutions []string
	out                   curateOutput
	workers               int
	force                 bool
}

func (a *app) testsCommand() *cobra.Command {
	f := testsFlags{Options: testcases.Defaults()}
	cmd := &cobra.Command{
		Use:   "tests PROBLEMS.jsonl -o OUT.jsonl",
		Short: "Make tests of programming problems from generators and solutions",
		Long: `This command makes the tests of programming problems. Generators, programs that a
model has written, print an input each; an input is kept if all right programs agree
on its output, and a wrong one gives another. All programs run in the sandbox.

A problem is a row with id and prompt, and may hold its programs:

  generators   Python programs, each of which prints one input
  right        solutions that are known to be right
  wrong        solutions that are known to be wrong
  language     of the solutions: python (default) or cpp

More come from samples of the same ids: --generators takes every fenced Python
program of a response, --solutions the last fenced program, as right or wrong by its
verdict. OUT has the problems that got tests, as rows with verification_info, which
the verifier code reads. OUT.dropped.jsonl has the others, with the reason.

Generators are seeded, so the same files give the same tests.

Exit status: 0; 1 if no problem got tests or something went wrong; 2 for a mistake in
the call; 4 if stopped.`,
		Example: `  r1ctl tests problems.jsonl -o tested.jsonl
  r1ctl tests problems.jsonl --generators generators.jsonl --solutions samples.jsonl -o tested.jsonl --most 10`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out.form != "" {
				a.flags.output = f.out.form
			}
			switch {
			case f.out.path == "":
				return usageError{errors.New("say with -o OUT.jsonl where the tested problems go")}
			case f.Runs < 1 || f.Right < 1 || f.Most < 1 || f.Seconds <= 0:
				return usageError{errors.New("--runs, --right, --most and --seconds must be above 0")}
			}
			return a.tests(cmd.Context(), f, args[0])
		},
	}
	cmd.Flags().VarP(&f.out, "output", "o", "the file of problems with tests; text or json: form of the summary")
	cmd.Flags().StringSliceVar(&f.generators, "generators", nil, "samples whose fenced programs are generators")
	cmd.Flags().StringSliceVar(&f.solutions, "solutions", nil, "samples with verdicts, whose programs are solutions")
	cmd.Flags().IntVar(&f.Runs, "runs", f.Runs, "of each generator, with different seeds")
	cmd.Flags().IntVar(&f.Right, "right", f.Right, "right programs that have to agree, at least")
	cmd.Flags().IntVar(&f.Most, "most", f.Most, "tests a problem, at most: those first that catch more wrong programs")
	cmd.Flags().Float64Var(&f.Seconds, "seconds", f.Seconds, "of the wall clock that a program may take")
	cmd.Flags().BoolVar(&f.Uncaught, "uncaught", false, "also keep inputs that catch no wrong program")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "problems at once (default: the cores)")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace OUT if it exists")
	return cmd
}

// droppedProblem is a problem without tests.
type droppedProblem struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	testcases.Made
}

// testsSummary adds up: in is kept and dropped.
type testsSummary struct {
	File    string         `json:"file"`
	In      int            `json:"in"`
	Kept    int            `json:"kept"`
	Tests   int            `json:"tests"`
	Dropped map[string]int `json:"dropped"` // problems by reason
}

func (a *app) tests(ctx context.Context, f testsFlags, name string) error {
	if _, err := os.Lstat(f.out.path); err == nil && !f.force {
		return &r1.Error{Name: "output-exists", Detail: f.out.path + " exists", Remedy: "give another -o, or --force to replace it"}
	}
	set, err := a.problems(f, name)
	if err != nil {
		return err
	}
	box := &programs{}
	defer box.Close()
	if _, err := box.open(); err != nil {
		return err
	}
	made, err := a.makeTests(ctx, box, set, f)
	if err != nil {
		return err
	}
	sum := testsSummary{File: f.out.path, In: len(set.Rows), Dropped: map[string]int{}}
	dropped := f.out.path + ".dropped.jsonl"
	_, err = writeWhole(dropped, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		for i, row := range set.Rows {
			if made[i].Reason == "" {
				continue
			}
			sum.Dropped[made[i].Reason]++
			if err := enc.Encode(droppedProblem{row.ID, made[i].Reason, made[i]}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", dropped, err)
	}
	_, err = writeWhole(f.out.path, func(w io.Writer) error {
		for i, row := range set.Rows {
			if made[i].Reason != "" {
				continue
			}
			line, err := row.With(made[i])
			if err != nil {
				return err
			}
			sum.Kept++
			sum.Tests += len(made[i].Cases)
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", f.out.path, err)
	}
	if err := a.tellTests(sum, dropped); err != nil {
		return err
	}
	if sum.Kept == 0 {
		return &r1.Error{Name: "no-rows-left", Detail: fmt.Sprintf("none of %d problems got tests", sum.In), Remedy: "read why: " + dropped}
	}
	return nil
}

func (a *app) tellTests(sum testsSummary, dropped string) error {
	if a.json() {
		return a.printJSON(sum)
	}
	fmt.Fprintf(a.out, "%s: %d of %d problems, %d tests\n", sum.File, sum.Kept, sum.In, sum.Tests)
	for _, reason := range slices.Sorted(maps.Keys(sum.Dropped)) {
		fmt.Fprintf(a.out, "  %6d  %s\n", sum.Dropped[reason], reason)
	}
	if sum.Kept < sum.In {
		fmt.Fprintln(a.out, "dropped: "+dropped)
	}
	return nil
}

// problems reads what the command is given.
func (a *app) problems(f testsFlags, name string) (*testcases.Set, error) {
	open := func(name string) (*os.File, error) {
		file, err := os.Open(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the rows: %w", err)}
		}
		return file, nil
	}
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	set, err := testcases.ReadProblems(name, file)
	if err != nil {
		return nil, err
	}
	for _, more := range []struct {
		names []string
		add   func(string, io.Reader) (int, error)
	}{{f.generators, set.AddGenerators}, {f.solutions, set.AddSolutions}} {
		for _, name := range more.names {
			file, err := open(name)
			if err != nil {
				return nil, err
			}
			strangers, err := more.add(name, file)
			_ = file.Close() // it was only read
			if err != nil {
				return nil, err
			}
			if strangers > 0 {
				fmt.Fprintf(a.err, "%s: %d samples are of problems that are not asked about\n", name, strangers)
			}
		}
	}
	return set, nil
}

// makeTests makes the tests of all problems, some at once.
func (a *app) makeTests(ctx context.Context, box *programs, set *testcases.Set, f testsFlags) ([]testcases.Made, error) {
	made := make([]testcases.Made, len(set.Rows))
	g, ctx := errgroup.WithContext(ctx)
	if g.SetLimit(runtime.GOMAXPROCS(0)); f.workers > 0 {
		g.SetLimit(f.workers)
	}
	var mu sync.Mutex
	done := 0
	for i, row := range set.Rows {
		g.Go(func() (err error) {
			made[i], err = testcases.Make(ctx, box, row.Problem, f.Options)
			mu.Lock()
			defer mu.Unlock()
			if done++; done%100 == 0 {
				fmt.Fprintf(a.err, "%d of %d problems\n", done, len(set.Rows))
			}
			return err
		})
	}
	return made, g.Wait()
}
