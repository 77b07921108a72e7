package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// UpdateReview gives a stage what people said of its rows: ReviewRequest ->
// ReviewAnswer. The file is in S3 before; history holds the reference only.
const UpdateReview = "review"

// ReviewRequest says where the reviewed file of a stage is.
type ReviewRequest struct {
	r1.Review
}

// ReviewAnswer is the review that holds.
type ReviewAnswer struct {
	r1.Review
	Already bool `json:"already,omitempty"` // it was given before
}

func reviews(s StageShape) bool {
	return s.Gate != nil && s.Gate.Review != nil && len(s.Jobs) > 0
}

func (r *recipe) reviewJob(s StageShape) tasks.JobRef {
	return tasks.JobRef{Recipe: r.in.Recipe, Run: r.in.Run, Stage: s.Name, Job: s.Jobs[0].Name, Amendment: r.in.Amendment}
}

func (r *recipe) mayReview(in ReviewRequest) error {
	if err := r.open(); err != nil {
		return err
	}
	if err := r.knows(in.Stage); err != nil {
		return err
	}
	switch {
	case !reviews(r.stages[in.Stage]):
		return fail(&r1.Error{
			Name:   "unknown-gate",
			Detail: fmt.Sprintf("stage %s of run %s waits for no review", in.Stage, r.in.Run),
			Remedy: "stages with the step {do: review} do: r1ctl explain " + r.in.Recipe,
		})
	case r.walk.state[in.Stage] == nodeDone && r.reviewed[in.Stage] == nil:
		return fail(&r1.Error{
			Name:   "review-late",
			Detail: fmt.Sprintf("stage %s of run %s is done: it took over the rows that were reviewed in an earlier run", in.Stage, r.in.Run),
			Remedy: "to review anew, start a run with a higher round in the step review",
		})
	}
	return nil
}

func (r *recipe) onReview(ctx workflow.Context, in ReviewRequest) (ReviewAnswer, error) {
	if err := r.mayReview(in); err != nil {
		return ReviewAnswer{}, err
	}
	mine := in.Review
	mine.At = workflow.Now(ctx)
	stored := r.reviewed[in.Stage]
	already := stored != nil
	if !already {
		// The first one that is stored holds, whoever else submits at the same time.
		input := tasks.ReviewInput{JobRef: r.reviewJob(r.stages[in.Stage]), Review: mine}
		stored = &r1.Review{}
		if err := workflow.ExecuteActivity(short(ctx, "record the review of "+in.Stage), tasks.RecordReview, input).Get(ctx, stored); err != nil {
			return ReviewAnswer{}, fmt.Errorf("record the review of %s: %w", in.Stage, err)
		}
		r.reviewed[in.Stage] = stored
	}
	if stored.Data.SHA256 != mine.Data.SHA256 {
		return ReviewAnswer{}, fail(&r1.Error{
			Name:   "already-reviewed",
			Detail: fmt.Sprintf("stage %s of run %s was reviewed by %s at %s, and a review never changes", in.Stage, r.in.Run, stored.By, stored.At.UTC().Format("2006-01-02 15:04 UTC")),
			Remedy: "to review anew, start a run with a higher round in the step review",
		})
	}
	return ReviewAnswer{Review: *stored, Already: already || stored.By != mine.By}, nil
}

// review waits until people have reviewed the rows of a stage that asks for it. A
// job that was reviewed in an earlier run is taken over, with what was said.
func (r *recipe) review(ctx workflow.Context, s StageShape) error {
	if !reviews(s) || r.reviewed[s.Name] != nil {
		return nil
	}
	ref := r.reviewJob(s)
	var commit tasks.Found
	if err := workflow.ExecuteActivity(short(ctx, "look for a commit of "+s.Name), tasks.FindCommit, ref).Get(ctx, &commit); err != nil || commit.Committed {
		return err
	}
	var found tasks.FoundReview
	if err := workflow.ExecuteActivity(short(ctx, "look for a review of "+s.Name), tasks.FindReview, ref).Get(ctx, &found); err != nil {
		return err
	}
	if found.Review != nil && r.reviewed[s.Name] == nil {
		r.reviewed[s.Name] = found.Review
	}
	return r.waitFor(ctx, s.Name, s.Gate.Review.String(), fmt.Sprintf("r1ctl review %s %s -o batch.jsonl", r.in.Run, s.Name),
		func() bool { return r.reviewed[s.Name] != nil })
}
