package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/retention"
)

type gcFlags struct {
	olderThan string
	keepLast  int
	yes       bool
	takeOver  bool
}

func (a *app) artifactsGCCommand() *cobra.Command {
	var f gcFlags
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what nobody needs from the bucket; lists it first",
		Long: `This command lists what may go and why, and removes it with --yes: checkpoints of
committed jobs, what failed attempts left, and what the retention rules of the
configuration give up (docs/artifacts.md). --older-than and --keep-last give up the
artifacts and checkpoints of whole runs that have ended.

Whatever a manifest or a commit of a run that stays needs is kept, in whichever run
it lies. Runs may go on, start and upload meanwhile. Records, metrics and logs stay,
and so does everything in the bucket that r1ctl did not write.`,
		Example: `  r1ctl artifacts gc
  r1ctl artifacts gc --older-than 30d --keep-last 3
  r1ctl artifacts gc --older-than 30d --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.open(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return a.collect(cmd.Context(), s, f)
		},
	}
	cmd.Flags().StringVar(&f.olderThan, "older-than", "", "give up runs that ended so long ago, such as 30d, 2w or 36h")
	cmd.Flags().IntVar(&f.keepLast, "keep-last", 0, "give up runs that ended, but for so many of each recipe")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "remove what is listed")
	cmd.Flags().BoolVar(&f.takeOver, "take-over", false, "end another garbage collection, whose process is gone for good")
	return cmd
}

func (f *gcFlags) policy(cfg config.Retention) (retention.Policy, error) {
	p := retention.Policy{Site: rulesOf(cfg.RetentionRules), Stages: map[string]retention.Rules{}, KeepLast: f.keepLast}
	for stage, r := range cfg.Stages {
		p.Stages[stage] = rulesOf(r)
	}
	if f.keepLast < 0 {
		return p, usageError{fmt.Errorf("--keep-last is %d, expected a number of runs", f.keepLast)}
	}
	if f.olderThan != "" {
		age, err := retention.ParseAge(f.olderThan)
		if err != nil || age == 0 {
			return p, usageError{fmt.Errorf("--older-than is %q, expected a time such as 30d, 2w or 36h", f.olderThan)}
		}
		p.OlderThan = age
	}
	return p, p.Check()
}

func rulesOf(r config.RetentionRules) retention.Rules {
	return retention.Rules{Checkpoints: r.Checkpoints, Models: r.Models, Datasets: r.Datasets, Samples: r.Samples, Reports: r.Reports, State: r.State}
}

func (a *app) collect(ctx context.Context, s *session, f gcFlags) error {
	policy, err := f.policy(s.cfg.Retention)
	if err != nil {
		return err
	}
	if f.takeOver {
		if err := s.store.TakeOver(ctx); err != nil {
			return err
		}
	}
	now := time.Now().UTC()
	found, err := retention.Survey(ctx, s.store, policy, s.isOpen, now)
	if err != nil {
		return err
	}
	if !f.yes {
		if a.json() {
			return a.printJSON(found)
		}
		if err := a.printFound(found); err != nil || len(found.Items) == 0 {
			return err
		}
		fmt.Fprintln(a.out, "nothing was removed; add --yes to remove them")
		return nil
	}
	if !a.json() {
		if err := a.printFound(found); err != nil || len(found.Items) == 0 {
			return err
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find this machine's name: %w", err)
	}
	progress, done := a.bytesProgress("freed")
	w := retention.Sweeper{Store: s.store, Policy: policy, Open: s.isOpen, By: userName(), Host: host, PID: os.Getpid(), Now: now, Progress: progress}
	swept, err := w.Sweep(ctx, found)
	done()
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(swept)
	}
	fmt.Fprintf(a.out, "removed %d of them: %s are free\n", len(swept.Items), sizeText(swept.Bytes))
	if swept.Spared > 0 {
		fmt.Fprintf(a.out, "%d turned out to be needed meanwhile, and stayed\n", swept.Spared)
	}
	for _, key := range swept.Foreign {
		fmt.Fprintf(a.out, "not ours, and left alone: %s\n", s.store.URI(key))
	}
	return nil
}

func (a *app) printFound(found *retention.Found) error {
	if len(found.Items) == 0 {
		fmt.Fprintf(a.out, "nothing to remove; %d runs looked at, %s of artifacts and checkpoints stay\n", found.Runs, sizeText(found.Kept))
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tBYTES\tSTAY\tWHERE\tWHY")
	for _, i := range found.Items {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", i.Sort, sizeText(i.Bytes), sizeText(i.Shared), i.Prefix, i.Why)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	fmt.Fprintf(a.out, "%d may go, %s; %s of artifacts and checkpoints stay\n", len(found.Items), sizeText(found.Bytes), sizeText(found.Kept))
	return nil
}
