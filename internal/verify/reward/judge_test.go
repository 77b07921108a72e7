package reward_test

import (
	"context"
	"encoding/json"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// scriptedJudge says what the rows say: label is a verdict, and run what became
// of the program. It notes how it was asked.
type scriptedJudge struct {
	answers  []reward.Convention
	programs []reward.ProgramOptions
}

func (j *scriptedJudge) Answers(_ context.Context, items []reward.Item, how reward.Convention) []r1.Verdict {
	j.answers = append(j.answers, how)
	out := make([]r1.Verdict, len(items))
	for i, it := range items {
		var label string
		_ = json.Unmarshal(it.Row["label"], &label)
		switch label {
		case "unparsable":
			out[i] = r1.Verdict{Label: r1.Unverified, Reason: "gold-unparsable"}
		case "outage":
			out[i] = r1.Verdict{Label: r1.Unverified, Reason: "outage"}
		default:
			out[i] = r1.Verdict{Label: r1.Label(label)}
		}
	}
	return out
}

func (j *scriptedJudge) Programs(_ context.Context, items []reward.Item, how reward.ProgramOptions) []reward.Program {
	j.programs = append(j.programs, how)
	out := make([]reward.Program, len(items))
	for i, it := range items {
		if json.Unmarshal(it.Row["run"], &out[i]) != nil {
			out[i] = reward.Program{State: reward.ProgramUntested}
		}
	}
	return out
}
