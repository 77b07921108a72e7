package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/maths"
	"github.com/r1ctl/r1ctl/internal/verify/pool"
	"github.com/r1ctl/r1ctl/internal/verify/response"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

func mathsAnswer(reply string) (string, bool) { return maths.Extract(reply) }

// maths asks tiers 0 and 1, and leaves to the second opinion what they cannot
// settle, and of what they settle a share to audit.
func (j *Judge) maths(it reward.Item, audit float64) (r1.Verdict, *rest) {
	v := r1.Verdict{Label: r1.Unverified, Verifier: maths.Version}
	if noGold(it) {
		v.Reason = ReasonGoldMissing
		return v, nil
	}
	parts := response.Split(it.Text())
	if parts.Unfinished {
		v.Label, v.Reason = r1.Wrong, ReasonUnfinished
		return v, nil
	}
	var d maths.Decision
	question := pool.Maths{Gold: *it.Gold, Answer: parts.Reply}
	if j.o.Bare {
		question.Answer = bare(parts.Reply)
		d = maths.Compare(*it.Gold, question.Answer)
	} else {
		d = maths.Judge(*it.Gold, parts.Reply)
		if answer, ok := maths.Extract(parts.Reply); ok {
			question.Answer = answer
		}
	}
	v.Answer, v.Tier, v.Reason = d.Answer, d.Tier, d.Reason
	if d.Decided {
		v.Label = d.Label
		if j.o.Formulas == nil || d.Reason == maths.ReasonNoAnswer || !sampled(it, audit) {
			return v, nil
		}
		return v, &rest{j.pool, func(ctx context.Context) (r1.Verdict, *Audit) {
			return v, j.audit(it, v, j.o.Formulas.Maths(ctx, question))
		}}
	}
	if j.o.Formulas == nil {
		v.Reason = ReasonNoOpinion
		return v, nil
	}
	return v, &rest{j.pool, func(ctx context.Context) (r1.Verdict, *Audit) {
		return second(j.o.Formulas.Maths(ctx, question), v), nil
	}}
}

// second is the verdict of a second opinion; before is what the first tiers said.
func second(res pool.Result, before r1.Verdict) r1.Verdict {
	v := r1.Verdict{Label: res.Label, Reason: res.Reason, Answer: clip(res.Answer), Verifier: res.Version, Tier: 2}
	if v.Answer == "" {
		v.Answer = before.Answer
	}
	if v.Verifier == "" {
		v.Verifier = before.Verifier
	}
	if v.Label == "" {
		v.Label, v.Reason = r1.Unverified, ReasonFault
	}
	return v
}

// audit compares a verdict with a second opinion.
func (j *Judge) audit(it reward.Item, v r1.Verdict, res pool.Result) *Audit {
	a := &Audit{Label: res.Label, Reason: res.Reason, Verifier: res.Version}
	if res.Label == r1.Correct || res.Label == r1.Wrong {
		agrees := res.Label == v.Label
		a.Agrees = &agrees
		if !agrees {
			j.o.Log.Warn("an audit disagrees", "id", string(it.ID), "gold", clip(*it.Gold), "answer", v.Answer, "tier", v.Tier,
				"verdict", v.Label, "second", res.Label, "verifier", res.Version)
		}
	}
	return a
}

// sampled says whether an item is of the share that is audited. It is a function of
// the item, so that a second run audits the same.
func sampled(it reward.Item, share float64) bool {
	if share <= 0 {
		return false
	}
	h := sha256.New()
	for _, part := range []string{string(it.ID), it.Prompt, it.Text()} {
		_ = binary.Write(h, binary.LittleEndian, uint64(len(part))) // a hash takes everything
		_, _ = h.Write([]byte(part))
	}
	return float64(binary.LittleEndian.Uint64(h.Sum(nil))>>11)/(1<<53) < share
}

// upstream has mathematics judged by open-r1's rules, which have no tiers and read
// the whole completion.
func (j *Judge) upstream(it reward.Item, how reward.Convention) *rest {
	return &rest{j.pool, func(ctx context.Context) (r1.Verdict, *Audit) {
		v := r1.Verdict{Label: r1.Unverified, Verifier: "math-verify", Tier: 2}
		switch {
		case noGold(it):
			v.Reason = ReasonGoldMissing
		case j.o.Formulas == nil:
			v.Reason = ReasonNoOpinion
		default:
			text := it.Text()
			if len(it.Completion) > 0 {
				text = it.Completion[0].Content // the message that upstream reads
			}
			return second(j.o.Formulas.Maths(ctx, pool.Maths{Gold: *it.Gold, Answer: text, OpenR1: true, AnswerFirst: how.AnswerFirst}), v), nil
		}
		return v, nil
	}}
}

func (j *Judge) puzzle(it reward.Item) (r1.Verdict, *rest) {
	v := r1.Verdict{Label: r1.Unverified, Verifier: "reasoning-gym"}
	var info struct {
		Family string          `json:"family"`
		Entry  json.RawMessage `json:"entry"`
	}
	if json.Unmarshal(it.Row["verification_info"], &info) != nil || info.Family == "" || len(info.Entry) == 0 {
		v.Reason = ReasonMalformed
		return v, nil
	}
	answer, reason := puzzleAnswer(it.Text())
	v.Answer = clip(answer)
	switch {
	case reason != "":
		v.Label, v.Reason = r1.Wrong, reason
		return v, nil
	case j.o.Puzzles == nil:
		v.Reason = ReasonNoOpinion
		return v, nil
	}
	return v, &rest{j.pool, func(ctx context.Context) (r1.Verdict, *Audit) {
		said := second(j.o.Puzzles.Puzzle(ctx, pool.Puzzle{Family: info.Family, Entry: info.Entry, Answer: answer}), v)
		said.Tier = 0 // a puzzle has one judge only
		return said, nil
	}}
}

// puzzleAnswer is what a scorer gets: puzzles have answers of several lines, so a
// reply without mark-up is the answer as a whole.
func puzzleAnswer(response string) (answer, reason string) {
	return extract(response, func(reply string) string { return reply })
}

func (j *Judge) program(it reward.Item) (r1.Verdict, *rest) {
	v := r1.Verdict{Label: r1.Unverified, Reason: ReasonNoSandbox, Verifier: "code/1"}
	if response.Split(it.Text()).Unfinished {
		v.Label, v.Reason = r1.Wrong, ReasonUnfinished
		return v, nil
	}
	if j.o.Programs == nil {
		return v, nil
	}
	return v, &rest{j.runs, func(ctx context.Context) (r1.Verdict, *Audit) { return j.o.Programs.Verdict(ctx, it), nil }}
}

// Bare wraps an answer that stands alone, so that nothing in it is taken for a
// response around it.
func Bare(answer string) string {
	return response.AnswerOpen + "\n" + answer + "\n" + response.AnswerClose
}

func bare(wrapped string) string {
	s := strings.TrimPrefix(strings.TrimSpace(wrapped), response.AnswerOpen)
	return strings.TrimSpace(strings.TrimSuffix(s, response.AnswerClose))
}
