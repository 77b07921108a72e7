package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/review"
	"github.com/r1ctl/r1ctl/workflows"
)

type reviewFlags struct {
	out   curateOutput
	rows  int
	force bool
}

func (a *app) reviewCommand() *cobra.Command {
	var f reviewFlags
	cmd := &cobra.Command{
		Use:   "review RUN STAGE [FILE]",
		Short: "Review rows by hand: export a batch, and give decisions and edits back",
		Long: `A stage whose first step is {do: review} waits until somebody has reviewed its
rows. With -o FILE this command exports a batch of them, chosen by the run's seed,
as JSON lines. In each line fill in

  review.decision   accept, reject or edit; a line without one is not reviewed
  review.reason     why a row is rejected: a few words, as rows are counted by them
  response          the better text, with the decision edit

and submit the file. It is checked as a whole: every mistake is told with its line,
and nothing is stored as long as there is one. A submitted review belongs to the
run, with who gave it and when, and never changes. docs/cold-start.md has more.`,
		Example: `  r1ctl review cold-start-1123-k7q2 checked -o batch.jsonl
  r1ctl review cold-start-1123-k7q2 checked -o more.jsonl --rows 500
  r1ctl review cold-start-1123-k7q2 checked batch.jsonl`,
		Args:              cobra.RangeArgs(2, 3),
		ValidArgsFunction: a.completeReview,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out.form != "" {
				a.flags.output = f.out.form
			}
			switch {
			case len(args) == 3 && f.out.path != "":
				return usageError{errors.New("give -o FILE to export, or FILE to submit, not both")}
			case len(args) == 2 && f.out.path == "":
				return usageError{errors.New("give -o FILE to export rows, or the FILE to submit")}
			case len(args) == 3 && (cmd.Flags().Changed("rows") || f.force):
				return usageError{errors.New("--rows and --force are for the export")}
			case cmd.Flags().Changed("rows") && f.rows < 1:
				return usageError{errors.New("--rows must be at least 1")}
			}
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				stage, err := reviewed(run, args[1])
				if err != nil {
					return err
				}
				if len(args) == 3 {
					return a.submitReview(ctx, s, run, stage, args[2])
				}
				return a.exportReview(ctx, s, run, stage, f)
			})
		},
	}
	cmd.Flags().VarP(&f.out, "output", "o", "the file of rows that is made; text or json: form of the summary")
	cmd.Flags().IntVar(&f.rows, "rows", 0, "rows to export (default: as many as have to be reviewed)")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace the file if it exists")
	return cmd
}

// completeReview completes a run, a stage of it, and then a file.
func (a *app) completeReview(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 2 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completeStages(cmd, args, start)
}

// reviewed finds a stage that waits for a review.
func reviewed(run *r1.Run, name string) (*r1.PlannedStage, error) {
	stage := run.Plan.Stage(name)
	if stage == nil {
		return nil, &r1.Error{Name: "unknown-stage", Detail: fmt.Sprintf("run %s has no stage %q", run.ID, name), Remedy: "r1ctl status " + run.ID}
	}
	if stage.Gate == nil || stage.Gate.Review == nil {
		return nil, &r1.Error{
			Name: "unknown-gate", Detail: fmt.Sprintf("stage %s of run %s waits for no review", name, run.ID),
			Remedy: "stages whose first step is {do: review} do: r1ctl plan " + run.Recipe,
		}
	}
	return stage, nil
}

// batch reads the rows that enter a stage: n of them are in the batch.
func (s *session) batch(ctx context.Context, run *r1.Run, stage *r1.PlannedStage, n int) (*review.Batch, error) {
	job := &stage.Jobs[0]
	params, err := curate.ParseParams(job.Params)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "r1ctl-review-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the rows: %w", err)
	}
	defer os.RemoveAll(dir)
	layout := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	inputs := map[string]curate.Source{}
	for name, from := range job.Inputs {
		commit, err := s.store.FindCommit(ctx, layout, r1.JobKey{Run: run.ID, Stage: from.Stage, Job: from.Job})
		if errors.Is(err, r1.ErrNotFound) {
			return nil, &r1.Error{
				Name: "review-early", Detail: fmt.Sprintf("the rows of stage %s are not there yet: stage %s is not done", stage.Name, from.Stage),
				Remedy: "wait until the stage asks: " + s.hint("watch", run.ID),
			}
		}
		if err != nil {
			return nil, fmt.Errorf("find the rows of %s: %w", from.Stage, err)
		}
		folder := filepath.Join(dir, name)
		if err := s.store.Download(ctx, commit.Outputs[from.Output], folder, artifact.DownloadOptions{}); err != nil {
			return nil, fmt.Errorf("download the rows of %s: %w", from.Stage, err)
		}
		if inputs[name], err = curate.Dir(folder); err != nil {
			return nil, err
		}
	}
	inputs[r1.ReviewInput] = curate.Joined() // nobody has said anything yet
	batch := review.NewBatch(n, job.Seed)
	return batch, curate.ReviewBatch(ctx, params, inputs, batch)
}

func (a *app) exportReview(ctx context.Context, s *session, run *r1.Run, stage *r1.PlannedStage, f reviewFlags) error {
	if _, err := os.Lstat(f.out.path); err == nil && !f.force {
		return &r1.Error{
			Name: "output-exists", Detail: f.out.path + " exists, and may hold somebody's decisions",
			Remedy: "name another file, or replace it with --force",
		}
	}
	n := f.rows
	if n == 0 {
		n = stage.Gate.Review.Rows
	}
	batch, err := s.batch(ctx, run, stage, n)
	if err != nil {
		return err
	}
	rows := batch.Rows()
	if _, err := writeWhole(f.out.path, func(w io.Writer) error { return review.Write(w, rows) }); err != nil {
		return fmt.Errorf("write %s: %w", f.out.path, err)
	}
	if a.json() {
		return a.printJSON(map[string]any{"run": run.ID, "stage": stage.Name, "file": f.out.path, "rows": len(rows), "of": batch.Known()})
	}
	fmt.Fprintf(a.out, "%s: %d of the %d rows that enter stage %s\nfill in review.decision of each line (accept, reject with a reason, edit), then: %s %s %s\n",
		f.out.path, len(rows), batch.Known(), stage.Name, s.hint("review", run.ID), stage.Name, f.out.path)
	return nil
}

func (a *app) submitReview(ctx context.Context, s *session, run *r1.Run, stage *r1.PlannedStage, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return usageError{fmt.Errorf("read the review: %w", err)}
	}
	defer file.Close()
	batch, err := s.batch(ctx, run, stage, 1)
	if err != nil {
		return err
	}
	said, err := review.Read(name, file, batch)
	if err != nil {
		return err
	}
	need := batch.Known()
	if asked := stage.Gate.Review.Rows; asked > 0 {
		need = min(asked, need)
	}
	if len(said.Rows) < need {
		return &r1.Error{
			Name: "review-incomplete", Detail: fmt.Sprintf("%s: %d rows have a decision, and stage %s asks for %d", name, len(said.Rows), stage.Name, need),
			Remedy: "decide about more rows, and submit the file again: nothing of it was stored",
		}
	}
	for i := range said.Rows {
		if said.Rows[i].Review.By == "" {
			said.Rows[i].Review.By = userName()
		}
	}
	stored, err := s.storeReview(ctx, run, stage, said)
	if err != nil {
		return err
	}
	var answer workflows.ReviewAnswer
	key := r1.Layout{Recipe: run.Recipe, Run: run.ID}.Review(stage.Name, stored.Fingerprint)
	var before r1.Review
	switch err := s.store.GetJSON(ctx, key, &before); {
	case err == nil && before.Data.SHA256 == stored.Data.SHA256: // the run may have ended since it was submitted
		answer = workflows.ReviewAnswer{Review: before, Already: true}
	case err != nil && !errors.Is(err, r1.ErrNotFound):
		return fmt.Errorf("look for a review of %s: %w", stage.Name, err)
	default:
		if err := s.update(ctx, run, workflows.UpdateReview, workflows.ReviewRequest{Review: stored}, &answer); err != nil {
			return err
		}
	}
	if a.json() {
		return a.printJSON(struct {
			Run string `json:"run"`
			workflows.ReviewAnswer
		}{run.ID, answer})
	}
	text := "is reviewed"
	if answer.Already {
		text = fmt.Sprintf("was reviewed already by %s at %s", answer.By, answer.At.Local().Format(time.DateTime))
	}
	fmt.Fprintf(a.out, "stage %s of run %s %s: %d rows accepted, %d edited, %d rejected (%s)\n",
		stage.Name, run.ID, text, answer.Accepted, answer.Edited, answer.Rejected, answer.Data.URI)
	return nil
}

// storeReview stores the rows with a decision under their digest.
func (s *session) storeReview(ctx context.Context, run *r1.Run, stage *r1.PlannedStage, said review.Review) (r1.Review, error) {
	var text bytes.Buffer
	if err := review.Write(&text, said.Rows); err != nil {
		return r1.Review{}, err
	}
	dir, err := os.MkdirTemp("", "r1ctl-review-")
	if err != nil {
		return r1.Review{}, fmt.Errorf("make a folder for the review: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "review.jsonl"), text.Bytes(), 0o600); err != nil {
		return r1.Review{}, fmt.Errorf("write the review: %w", err)
	}
	sum := sha256.Sum256(text.Bytes())
	job, layout := &stage.Jobs[0], r1.Layout{Recipe: run.Recipe, Run: run.ID}
	art, err := s.store.Upload(ctx, dir, artifact.UploadOptions{
		Name: stage.Name + ".review", Type: r1.TypeDataset,
		Producer: r1.JobKey{Run: run.ID, Stage: stage.Name, Job: job.Name}.Attempt(0),
		Prefix:   layout.ReviewData(stage.Name, job.Fingerprint, hex.EncodeToString(sum[:])),
	})
	if err != nil {
		return r1.Review{}, fmt.Errorf("store the review: %w", err)
	}
	return r1.Review{
		Stage: stage.Name, Fingerprint: job.Fingerprint, Data: art, Rows: len(said.Rows),
		Accepted: said.Accepted, Rejected: said.Rejected, Edited: said.Edited, By: userName(),
	}, nil
}
