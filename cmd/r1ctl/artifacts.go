package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/r1ctl/r1ctl/internal/holdings"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

func (a *app) artifactsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "artifacts",
		Short: "List, fetch and check what runs made; remove what nobody needs",
		Long: `Artifacts are the models, datasets and reports that stages commit. They lie in S3 below
readable names, each with a manifest of its files and their digests (docs/artifacts.md).`,
		Example: `  r1ctl artifacts ls full-r1-1123-k7q2
  r1ctl artifacts get full-r1-1123-k7q2 r1 ./r1-model
  r1ctl artifacts verify full-r1-1123-k7q2
  r1ctl artifacts gc --older-than 30d`,
	}
	cmd.AddCommand(a.artifactsListCommand(), a.artifactsGetCommand(), a.artifactsVerifyCommand(), a.artifactsGCCommand(), a.artifactsProvenanceCommand())
	return cmd
}

func (a *app) artifactsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ls [RUN] [STAGE]",
		Short: "List the committed artifacts of a run, or of all runs",
		Long: `This command lists the artifacts that a run has committed, with their sizes and where
they lie; without a run, those of all runs, the newest first. "elsewhere" are bytes
that another artifact holds already: equal files are stored once.`,
		Example: `  r1ctl artifacts ls
  r1ctl artifacts ls full-r1-1123-k7q2
  r1ctl artifacts ls full-r1-1123-k7q2 distill -o json`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeStages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withArtifacts(cmd, args, func(_ context.Context, _ *session, list []holdings.Artifact) error {
				if a.json() {
					return a.printJSON(list)
				}
				return a.printArtifacts(list)
			})
		},
	}
}

// withArtifacts finds the artifacts that the arguments name: of all runs, of one,
// or of a stage.
func (a *app) withArtifacts(cmd *cobra.Command, args []string, do func(ctx context.Context, s *session, list []holdings.Artifact) error) error {
	s, err := a.open(cmd)
	if err != nil {
		return err
	}
	defer s.close()
	ctx := cmd.Context()
	ids, stage := args, ""
	if len(args) == 2 {
		ids, stage = args[:1], args[1]
	}
	if len(ids) == 0 {
		entries, err := runs.List(ctx, s.store)
		if err != nil {
			return err
		}
		for _, e := range entries {
			ids = append(ids, e.Run)
		}
	}
	list := []holdings.Artifact{}
	for _, id := range ids {
		run, err := runs.Load(ctx, s.store, id)
		if err != nil {
			return err
		}
		some, err := holdings.List(ctx, s.store, run, stage)
		if err != nil {
			return err
		}
		list = append(list, some...)
	}
	return do(ctx, s, list)
}

func (a *app) printArtifacts(list []holdings.Artifact) error {
	if len(list) == 0 {
		fmt.Fprintln(a.out, "no artifacts yet")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tARTIFACT\tTYPE\tFILES\tSIZE\tELSEWHERE\tSHA256\tWHERE")
	for _, h := range list {
		where := h.URI
		if h.ReusedFrom != "" {
			where += " (reused)"
		}
		if h.Missing != "" {
			where = h.Missing
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%.12s\t%s\n", h.Run, h.Name(), h.Type, h.Files, sizeText(h.Bytes), sizeText(h.Elsewhere), h.SHA256, where)
	}
	return w.Flush()
}

func (a *app) artifactsGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get RUN STAGE[.OUTPUT] DIR",
		Short: "Fetch an artifact into a folder",
		Long: `This command fetches an artifact, in parallel, and checks every file's digest. The folder
appears when it is whole; called again after it was cut off, it goes on. A folder that
holds the artifact already is left as it is.`,
		Example: `  r1ctl artifacts get full-r1-1123-k7q2 r1 ./r1-model
  r1ctl artifacts get full-r1-1123-k7q2 distill.small ./small`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeOutputs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				h, err := holdings.Find(ctx, s.store, run, args[1])
				if err != nil {
					return err
				}
				began := time.Now()
				progress, done := a.bytesProgress("fetched")
				err = holdings.Get(ctx, s.store, h, args[2], progress)
				done()
				if err != nil {
					return err
				}
				if a.json() {
					return a.printJSON(struct {
						holdings.Artifact
						Dir     string  `json:"dir"`
						Seconds float64 `json:"seconds"`
					}{h, args[2], time.Since(began).Seconds()})
				}
				fmt.Fprintf(a.out, "%s (%d files, %s) is in %s\n", h.Name(), h.Files, sizeText(h.Bytes), args[2])
				return nil
			})
		},
	}
}

// completeOutputs completes a run, an output of it, and a folder.
func (a *app) completeOutputs(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completeRuns(cmd, args, word)
	case 1:
		var names []string
		err := a.withRun(cmd, args[:1], func(_ context.Context, _ *session, run *r1.Run) error {
			for _, stage := range run.Plan.Stages {
				for _, output := range sorted(stage.Outputs) {
					names = append(names, stage.Name+"."+output)
				}
			}
			return nil
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func (a *app) artifactsVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [RUN] [STAGE]",
		Short: "Read artifacts back and compare them with their digests",
		Long: `This command reads every byte of the artifacts of a run (of all runs without one) and
compares it with the digests in the manifests. It names what is missing or damaged,
and then ends with exit code 1. Artifacts that gc removed are told, and are no damage.`,
		Example: `  r1ctl artifacts verify full-r1-1123-k7q2
  r1ctl artifacts verify full-r1-1123-k7q2 r1 -o json`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeStages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withArtifacts(cmd, args, func(ctx context.Context, s *session, list []holdings.Artifact) error {
				progress, done := a.bytesProgress("read")
				checked, err := holdings.Verify(ctx, s.store, list, progress)
				done()
				if err != nil {
					return err
				}
				return a.printChecked(s, checked)
			})
		},
	}
}

func (a *app) printChecked(s *session, checked []holdings.Checked) error {
	bad, bytes := 0, int64(0)
	for _, c := range checked {
		if c.Whole() {
			bytes += c.Bytes
		} else if !c.Removed {
			bad++
		}
		if a.json() {
			continue
		}
		if c.Gone != "" {
			fmt.Fprintf(a.out, "%s %s: %s\n", c.Run, c.Name, c.Gone)
		}
		for _, d := range c.Damage {
			fmt.Fprintf(a.out, "%s %s: %s: %s (%s)\n", c.Run, c.Name, d.Path, d.Problem, s.store.URI(d.Key))
		}
	}
	if a.json() {
		if err := a.printJSON(checked); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "%d artifacts looked at, %d damaged or missing, %s read\n", len(checked), bad, sizeText(bytes))
	}
	if bad > 0 {
		return codeError(exitError)
	}
	return nil
}

// bytesProgress tells how far a transfer is: it redraws one line on a terminal,
// and elsewhere writes one now and then.
func (a *app) bytesProgress(verb string) (progress func(done, total int64), end func()) {
	f, ok := a.err.(*os.File)
	tty := ok && term.IsTerminal(int(f.Fd()))
	every, shown := 10*time.Second, false
	if tty {
		every = 200 * time.Millisecond
	}
	began := time.Now()
	last := began
	progress = func(done, total int64) {
		now := time.Now()
		if now.Sub(last) < every {
			return
		}
		last = now
		text := fmt.Sprintf("%s of %s %s, %s/s", sizeText(done), sizeText(total), verb, sizeText(int64(float64(done)/now.Sub(began).Seconds())))
		if tty {
			shown = true
			fmt.Fprintf(a.err, "\r\x1b[K%s", text)
		} else {
			fmt.Fprintln(a.err, text)
		}
	}
	return progress, func() {
		if shown {
			fmt.Fprint(a.err, "\r\x1b[K")
		}
	}
}

// sizeText writes bytes for people.
func sizeText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	x := float64(n)
	i := 0
	for x >= 1024 && i < len(units)-1 {
		x, i = x/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", x, units[i])
}
