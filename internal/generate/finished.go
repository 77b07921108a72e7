package generate

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// verify makes the rows of a question, with their verdicts.
func (p *pipeline) verify(ctx context.Context, q *question) error {
	problem := q.row.problem()
	q.rows = make([]*row, len(q.answers))
	var answered []*row
	for k, e := range q.answers {
		q.rows[k] = p.job.sample(problem, k, e)
		if !refusedRow(q.rows[k]) {
			answered = append(answered, q.rows[k])
		}
	}
	var said []judgement
	if len(answered) > 0 {
		var err error
		if said, err = p.judge.of(ctx, answered); err != nil {
			return err
		}
	}
	for k, r := range q.rows {
		mark := judgement{Verdict: encode(r1.Verdict{Label: r1.Unverified, Reason: "refused"})}
		if !refusedRow(r) {
			mark, said = said[0], said[1:]
		}
		p.judge.mark(r, mark)
		r.set("origin", p.job.origin(q.answers[k]))
	}
	return nil
}

func refusedRow(r *row) bool { return r.text("finish") == chat.FinishRefused }

// sample is a row without its verdict, as r1trainer writes one.
func (j *job) sample(problem *row, number int, e *entry) *row {
	r := problem.clone()
	r.set("sample", number)
	if e.Answer == nil {
		r.set("response", "")
		r.set("finish", chat.FinishRefused)
		r.set("refusal", e.Refusal)
		return r
	}
	r.set("response", e.Answer.Response())
	if u := e.Answer.Usage; u != nil {
		r.set("tokens", u.Completion)
	}
	r.set("finish", e.Answer.Finish)
	if u := e.Answer.Usage; u != nil && u.Reasoning != nil {
		r.set("thinking_tokens", *u.Reasoning)
	}
	return r
}

// origin says where a row comes from; served is the model's name in the endpoint's
// answer, where that is another one.
func (j *job) origin(e *entry) map[string]string {
	out := map[string]string{"run": j.key.Run, "stage": j.key.Stage, "job": j.key.Job, "model": j.params.Model}
	if e.Answer != nil && e.Answer.Model != "" && e.Answer.Model != j.params.Model {
		out["served"] = e.Answer.Model
	}
	return out
}

// mark puts a judgement into a row. A reward that does not apply is null.
func (v *judge) mark(r *row, said judgement) {
	r.put("verdict", said.Verdict)
	rewards := &row{values: map[string]json.RawMessage{}}
	for _, w := range v.rewards {
		value := said.Rewards[w.name]
		if !w.applies(r) {
			value = nil
		}
		rewards.set(w.name, value)
	}
	raw, _ := rewards.MarshalJSON() // of numbers
	r.put("rewards", raw)
	if len(said.Audit) > 0 && !bytes.Equal(said.Audit, []byte("null")) {
		r.put("audit", said.Audit)
	}
}
