package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func (a *app) funnelCommand() *cobra.Command {
	var domains bool
	cmd := &cobra.Command{
		Use:   "funnel RUN [STAGE]",
		Short: "Count rows through a run: in, kept, dropped by reason, unverified, tokens",
		Long: `This command shows what became of the rows of a run, by stage: how many came in, how
many were kept, what dropped the others and why, the verdicts of samples, targets
that were not reached, and rows that training left out as too long. With
--by-domain each stage's domains are shown apart. Stages that are not done yet are not
shown. All numbers are those of the commits: it reads no data.`,
		Example: `  r1ctl funnel full-r1-1123-k7q2
  r1ctl funnel full-r1-1123-k7q2 reasoning-data --by-domain
  r1ctl funnel full-r1-1123-k7q2 -o json`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeStages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args[:1], func(ctx context.Context, s *session, run *r1.Run) error {
				stages, err := stagesNamed(run, args[1:])
				if err != nil {
					return err
				}
				all, err := funnelsOf(ctx, s, run, stages)
				if err != nil {
					return err
				}
				if a.json() {
					return a.printJSON(all)
				}
				if len(all) == 0 {
					fmt.Fprintln(a.err, "no stage that counts rows is done yet")
				}
				return printFunnels(a.out, all, domains)
			})
		},
	}
	cmd.Flags().BoolVar(&domains, "by-domain", false, "show each domain apart")
	return cmd
}

// stageFunnel is what became of the rows of a job.
type stageFunnel struct {
	Stage string  `json:"stage"`
	Job   string  `json:"job"`
	Kind  r1.Kind `json:"kind"`
	r1.Funnel
	// Unverified of an RL job: responses without a verdict, which were not trained on.
	Skipped float64 `json:"skipped_unverified,omitempty"`
}

// funnelsOf lists the funnels of the jobs that are committed, in the order of the plan.
func funnelsOf(ctx context.Context, s *session, run *r1.Run, stages []*r1.PlannedStage) ([]stageFunnel, error) {
	out := []stageFunnel{}
	for _, stage := range stages {
		for _, job := range stage.Jobs {
			c, err := s.store.FindCommit(ctx, r1.Layout{Recipe: run.Recipe, Run: run.ID}, r1.JobKey{Run: run.ID, Stage: stage.Name, Job: job.Name})
			if errors.Is(err, r1.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read the commit of %s/%s: %w", stage.Name, job.Name, err)
			}
			f := stageFunnel{Stage: stage.Name, Job: job.Name, Kind: stage.Kind}
			switch {
			case c.Funnel != nil:
				f.Funnel = *c.Funnel
			case c.Metrics["rows"] > 0 && stage.Kind != r1.KindBase: // training on rows
				kept, long := int(c.Metrics["rows"]), int(c.Metrics["rows_dropped_too_long"])
				f.In, f.Kept = kept+long, kept
				if long > 0 {
					f.Dropped = []r1.FunnelCount{{Name: "training", Reason: "too-long", Rows: long}}
				}
			case stage.Kind == r1.KindGRPO:
				f.Skipped = c.Metrics["unverified"]
			default:
				continue
			}
			if why := f.Problem(); why != "" {
				return nil, &r1.Error{Name: "funnel-broken", Detail: fmt.Sprintf("the counts of %s/%s do not add up: %s", stage.Name, job.Name, why),
					Remedy: "r1ctl artifacts verify " + run.ID + " " + stage.Name}
			}
			out = append(out, f)
		}
	}
	return out, nil
}

func printFunnels(out io.Writer, all []stageFunnel, domains bool) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STAGE\tDOMAIN\tIN\tKEPT\tSHARE\tTOKENS\tDROPPED, VERDICTS")
	for _, f := range all {
		name := f.Stage
		if f.Job != r1.MainJob {
			name += "/" + f.Job
		}
		if f.In == 0 && f.Kind == r1.KindGRPO {
			fmt.Fprintf(w, "%s\t\t\t\t\t\t%.0f responses without a verdict skipped\n", name, f.Skipped)
			continue
		}
		fmt.Fprintf(w, "%s\t\t%d\t%d\t%s\t%s\t%s\n", name, f.In, f.Kept, shareOf(f.Kept, f.In), tokensOf(f.TokensKept), strings.Join(accounts(f.Dropped, f.Verdicts, f.Short), ", "))
		if !domains {
			continue
		}
		for _, d := range f.Domains {
			domain := d.Name
			if domain == "" {
				domain = "(none)"
			}
			fmt.Fprintf(w, "\t%s\t%d\t%d\t%s\t%s\t%s\n", domain, d.In, d.Kept, shareOf(d.Kept, d.In), tokensOf(d.TokensKept), strings.Join(accounts(d.Dropped, d.Verdicts, nil), ", "))
		}
	}
	return w.Flush()
}

// accounts are what dropped rows, the verdicts, and the targets that were missed.
func accounts(dropped, verdicts []r1.FunnelCount, short []r1.FunnelShort) []string {
	var out []string
	for _, d := range dropped {
		out = append(out, fmt.Sprintf("%s %s %d", d.Name, d.Reason, d.Rows))
	}
	for _, v := range verdicts {
		name := v.Name
		if v.Reason != "" {
			name += " (" + v.Reason + ")"
		}
		out = append(out, fmt.Sprintf("%s %d", name, v.Rows))
	}
	for _, s := range short {
		out = append(out, fmt.Sprintf("SHORT %s %d of %d", s.Name, s.Have, s.Want))
	}
	return out
}

func shareOf(part, all int) string {
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(all))
}

func tokensOf(n int64) string {
	if n == 0 {
		return ""
	}
	return r1.Number(float64(n))
}
