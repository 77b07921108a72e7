package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

func asks(s StageShape) bool { return s.Gate != nil && s.Gate.Approval != "" }

func conditional(s StageShape) bool { return s.Gate != nil && len(s.Gate.Conditions) > 0 }

// mayAskEarly says whether a gate may be opened before it is reached. One with
// conditions may not: who opens it is to see the numbers.
func mayAskEarly(s StageShape) bool { return asks(s) && !conditional(s) }

// gate waits until a stage may begin: until the conditions hold that it may have, and
// for the answer of a person, where it asks for one, which costs nothing and may take
// months.
func (r *recipe) gate(ctx workflow.Context, s StageShape) error {
	if !asks(s) && !conditional(s) {
		return nil
	}
	var found tasks.FoundApproval
	ref := tasks.JobRef{Recipe: r.in.Recipe, Run: r.in.Run, Stage: s.Name}
	if err := workflow.ExecuteActivity(short(ctx, "look for an approval of "+s.Name), tasks.FindApproval, ref).Get(ctx, &found); err != nil {
		return err
	}
	if found.Approval != nil && r.approved[s.Name] == nil {
		r.approved[s.Name] = found.Approval
	}
	if r.approved[s.Name] != nil {
		return nil
	}
	question := ""
	if asks(s) {
		question = s.Gate.Approval
	}
	if conditional(s) {
		closed, said, err := r.check(ctx, s)
		switch {
		case err != nil:
			return err
		case closed && s.Gate.Otherwise == r1.OtherwiseFail:
			return fail(&r1.Error{
				Name:   "gate-closed",
				Detail: fmt.Sprintf("the gate of stage %s stays closed: %s", s.Name, said),
				Remedy: fmt.Sprintf("change what made the numbers, and r1ctl retry %s %s; or r1ctl start --from %s:%s, with other settings", r.in.Run, s.Name, r.in.Run, s.Name),
			})
		case closed && !asks(s):
			question = "a condition does not hold: go on all the same?"
		case !asks(s):
			return nil
		}
		question += " (" + said + ")"
	}
	return r.ask(ctx, s.Name, question)
}

// check judges the conditions of a gate. said is what became of each.
func (r *recipe) check(ctx workflow.Context, s StageShape) (closed bool, said string, err error) {
	in := tasks.GateInput{
		RunRef: tasks.RunRef{Recipe: r.in.Recipe, Run: r.in.Run}, Stage: s.Name, Conditions: s.Gate.Conditions, Jobs: map[string][]string{},
	}
	for _, name := range s.Needs { // the stages that conditions name are among them
		for _, j := range r.stages[name].Jobs {
			in.Jobs[name] = append(in.Jobs[name], j.Name)
		}
	}
	var out tasks.GateChecked
	if err := workflow.ExecuteActivity(short(ctx, "check the gate of "+s.Name), tasks.CheckGate, in).Get(ctx, &out); err != nil {
		return false, "", err
	}
	var lines []string
	for _, c := range out.Checks {
		closed = closed || !c.Holds
		lines = append(lines, c.Condition+" "+c.Why)
	}
	return closed, strings.Join(lines, "; "), nil
}

// question is what a gate asks, or asked.
func (r *recipe) question(stage string) string {
	if q := r.questions[stage]; q != "" {
		return q
	}
	return r.stages[stage].Gate.Approval
}

// ask waits for the answer of a person to a question.
func (r *recipe) ask(ctx workflow.Context, stage, question string) error {
	r.questions[stage] = question
	return r.waitFor(ctx, stage, question, "r1ctl approve "+r.in.Run+" "+stage, func() bool { return r.approved[stage] != nil })
}

// waitFor lets a stage wait for a person, and shows for what.
func (r *recipe) waitFor(ctx workflow.Context, stage, question, remedy string, answered func() bool) error {
	if answered() {
		return nil
	}
	record := tasks.StageState{Recipe: r.in.Recipe, Run: r.in.Run, StageRecord: r1.StageRecord{
		Stage: stage, State: r1.RunWaiting, Question: question, Remedy: remedy,
	}}
	r.asking[stage] = true
	r.board.set(ctx, stage, func(row *BoardRow) {
		row.State, row.Note = r1.RunWaiting, fmt.Sprintf("%s — answer: %s", question, remedy)
	})
	err := saveStage(ctx, record)
	if err == nil {
		err = workflow.Await(ctx, answered)
	}
	delete(r.asking, stage)
	record.State, record.Question, record.Remedy = r1.RunPending, "", ""
	if err != nil {
		record.State, record.Ended = r1.RunCancelled, workflow.Now(ctx)
	}
	r.board.set(ctx, stage, func(row *BoardRow) { row.State, row.Note = record.State, "" })
	if rerr := saveStage(ctx, record); err == nil {
		err = rerr
	}
	return err
}
