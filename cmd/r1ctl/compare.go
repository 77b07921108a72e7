package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/compare"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

func (a *app) compareCommand() *cobra.Command {
	var against []string
	cmd := &cobra.Command{
		Use:   "compare RUN...",
		Short: "Set runs of one recipe side by side: what each stage changed, over seeds",
		Long: `This command shows what every model of a recipe scores, and what the stage that
made it changed, as means over runs with 95 % intervals. Give it runs that differ
by their seed. With one run there are no intervals. --against A=B adds how far
evaluate stage A lies above evaluate stage B, run by run. The output is Markdown.`,
		Example: `  r1ctl compare full-r1-1123-k7q2
  r1ctl compare seed-17 seed-18 seed-19 --against eval-student-48=eval-answers-48`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.open(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			var of []compare.Run
			for _, id := range args {
				run, err := s.load(cmd.Context(), id)
				if err != nil {
					return err
				}
				numbers, err := s.evaluations(cmd.Context(), run)
				if err != nil {
					return err
				}
				of = append(of, compare.Run{Run: run, Metrics: numbers})
			}
			c, err := compare.New(of, against)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(c)
			}
			fmt.Fprint(a.out, c.Markdown())
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&against, "against", nil, "STAGE=OTHER: how far one evaluate stage lies above another (repeatable)")
	return cmd
}

// evaluations reads the numbers of a run's evaluate stages, as far as they are there.
func (s *session) evaluations(ctx context.Context, run *r1.Run) (map[string]map[string]float64, error) {
	st, err := runs.NewReader(s.store, run).Status(ctx)
	if err != nil {
		return nil, err
	}
	numbers := map[string]map[string]float64{}
	for _, stage := range st.Stages {
		if stage.Kind == r1.KindEvaluate && stage.Metrics != nil {
			numbers[stage.Name] = stage.Metrics
		}
	}
	return numbers, nil
}
