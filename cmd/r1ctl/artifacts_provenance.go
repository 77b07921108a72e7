package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/holdings"
	"github.com/r1ctl/r1ctl/internal/provenance"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func (a *app) artifactsProvenanceCommand() *cobra.Command {
	var card bool
	var license string
	cmd := &cobra.Command{
		Use:   "provenance RUN STAGE[.OUTPUT]",
		Short: "Say where an artifact comes from: SLSA provenance, or a card",
		Long: `This command follows an artifact back to its run, recipe, code, environment, seeds and
inputs. It prints an in-toto statement with SLSA v1 provenance, whose subjects are the
artifact's files; with --card the README.md of a Hugging Face folder, with the way it
was made, its evaluations and the funnel of its data; with -o json the whole record.`,
		Example: `  r1ctl artifacts provenance full-r1-1123-k7q2 r1 > provenance.json
  r1ctl artifacts provenance full-r1-1123-k7q2 r1 --card --license mit > README.md`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeOutputs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				h, err := holdings.Find(ctx, s.store, run, args[1])
				if err != nil {
					return err
				}
				record, err := provenance.Collect(ctx, s.store, run, run.Plan.Stage(h.Stage).Outputs[h.Output])
				if err != nil {
					return err
				}
				var text []byte
				switch {
				case a.json():
					return a.printJSON(record)
				case card:
					text, err = record.Card(provenance.CardOptions{License: license})
				default:
					text, err = record.Statement()
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.out, "%s\n", text)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&card, "card", false, "print a model card or data set card")
	cmd.Flags().StringVar(&license, "license", "", "licence for the card, such as mit")
	return cmd
}
