package r1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Rollback is one return of a job to an earlier checkpoint, with changed
// parameters, because a guard has ended an attempt and its policy is roll-back.
// Every later spec of the job has it, and so has the commit: the model was made
// with these changes.
type Rollback struct {
	Job     string `json:"job"` // of the stage: a phase of RL keeps what the phases before it have changed
	Guard   string `json:"guard"`
	Message string `json:"message"`
	Attempt int    `json:"attempt"` // the one that the guard has ended
	AtStep  int    `json:"at_step"` // which it had reached
	// LastGoodStep is that attempt's word. No attempt goes on from a checkpoint
	// beyond it that was written up to then.
	LastGoodStep int           `json:"last_good_step"`
	ToStep       int           `json:"to_step"` // of the checkpoint gone on from; from_step where there was none
	Change       []ParamChange `json:"change"`
}

// ParamChange is a parameter before and after a roll-back.
type ParamChange struct {
	Param string  `json:"param"`
	From  float64 `json:"from"`
	To    float64 `json:"to"`
}

// In is what the roll-back means in a job: another phase of RL goes on with its changes.
func (r Rollback) In(job string) string {
	if r.Job != job {
		return fmt.Sprintf("goes on with what %s has changed: %s", r.Job, r.Changes())
	}
	return r.String()
}

// String is such as "rolled back to step 40 by kl: learning_rate 0.0001 → 5e-05".
func (r Rollback) String() string {
	return fmt.Sprintf("rolled back to step %d by %s: %s", r.ToStep, r.Guard, r.Changes())
}

// Changes is such as "learning_rate 0.0001 → 5e-05, kl_beta 0.001 → 0.002".
func (r Rollback) Changes() string {
	texts := make([]string, len(r.Change))
	for i, c := range r.Change {
		texts[i] = fmt.Sprintf("%s %.4g → %.4g", c.Param, c.From, c.To)
	}
	return strings.Join(texts, ", ")
}

// RulesOut says whether a checkpoint of an attempt of the job may hold what the
// guard has seen.
func (r Rollback) RulesOut(key AttemptKey, step int) bool {
	return r.Job == key.Job && key.Attempt <= r.Attempt && step > r.LastGoodStep
}

// rollBack is the policy of a guard that goes back to a checkpoint.
const rollBack = "roll-back"

// guardPolicy is what a job's parameters say of one guard.
type guardPolicy struct {
	Do     string               `json:"do"`
	Change map[string]paramRule `json:"change"`
	Most   int                  `json:"most"`
}

// paramRule is how a parameter changes: one of both.
type paramRule struct {
	Times *float64 `json:"times"`
	To    *float64 `json:"to"`
}

// RollBack says what is to follow an attempt that has ended: a roll-back, whose
// ToStep is left to whoever knows the checkpoints; or, where a guard would roll
// back and cannot, why not. Neither is there for any other end.
func RollBack(s *Spec, res *Result) (*Rollback, string, error) {
	if res.Class != ClassDiverged {
		return nil, "", nil
	}
	var params struct {
		Guards map[string]guardPolicy `json:"guards"`
	}
	if err := json.Unmarshal(s.Params, &params); err != nil {
		return nil, "", fmt.Errorf("read the guards of %s: %w", s.Key, err)
	}
	policy := params.Guards[res.Name]
	if policy.Do != rollBack {
		return nil, "", nil
	}
	done := 0
	for _, r := range s.Rollbacks {
		if r.Job == s.Key.Job && r.Guard == res.Name {
			done++
		}
	}
	switch {
	case done >= policy.Most:
		return nil, fmt.Sprintf("it has been rolled back for that %s already, the most that its policy allows", times(done)), nil
	case res.LastGoodStep == nil:
		return nil, "it is not rolled back, because the trainer did not say which step was the last good one", nil
	case *res.LastGoodStep < s.FromStep:
		return nil, fmt.Sprintf("it is not rolled back, because the trouble began before its first step, %d: the phase before is in doubt", s.FromStep), nil
	}
	change, err := policy.apply(s.Params)
	if err != nil {
		return nil, "", fmt.Errorf("roll back %s: %w", s.Key, err)
	}
	if len(change) == 0 {
		return nil, "it is not rolled back, because no parameter would change by it: the same would come again", nil
	}
	return &Rollback{Job: s.Key.Job, Guard: res.Name, Message: res.Error, Attempt: s.Key.Attempt, AtStep: res.Step, LastGoodStep: *res.LastGoodStep, Change: change}, "", nil
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// apply is what the policy changes of params, in the order of the names.
func (p guardPolicy) apply(params json.RawMessage) ([]ParamChange, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(params, &values); err != nil {
		return nil, fmt.Errorf("read the parameters: %w", err)
	}
	number := func(name string) (v float64, err error) {
		if err := json.Unmarshal(values[name], &v); err != nil {
			return 0, fmt.Errorf("the parameter %s is no number: %w", name, err)
		}
		return v, nil
	}
	// A learning rate takes the end of its schedule with it.
	const peak, final = "learning_rate", "final_learning_rate"
	rules := maps.Clone(p.Change)
	if rule, ok := rules[peak]; ok && values[final] != nil && rules[final] == (paramRule{}) {
		if rule.To != nil {
			from, err := number(peak)
			if err != nil {
				return nil, err
			}
			share := *rule.To / from
			rule = paramRule{Times: &share}
		}
		rules[final] = rule
	}
	var out []ParamChange
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		from, err := number(name)
		if err != nil {
			return nil, err
		}
		c := ParamChange{Param: name, From: from, To: from}
		switch rule := rules[name]; {
		case rule.To != nil:
			c.To = *rule.To
		case rule.Times != nil:
			c.To = product(from, *rule.Times)
		}
		if c.To != c.From {
			out = append(out, c)
		}
	}
	return out, nil
}

// product multiplies as people do: 3 times 1e-4 is 3e-4, not 0.00030000000000000003.
func product(a, b float64) float64 {
	near, err := strconv.ParseFloat(strconv.FormatFloat(a*b, 'g', 12, 64), 64)
	if err != nil {
		return a * b
	}
	return near
}

// Changed is params as roll-backs, in their order, have made them.
func Changed(params json.RawMessage, by []Rollback) (json.RawMessage, error) {
	if len(by) == 0 {
		return params, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(params, &values); err != nil {
		return nil, fmt.Errorf("read the parameters: %w", err)
	}
	for _, r := range by {
		for _, c := range r.Change {
			values[c.Param] = json.RawMessage(strconv.FormatFloat(c.To, 'g', -1, 64))
		}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // templates stay readable
	if err := enc.Encode(values); err != nil {
		return nil, fmt.Errorf("write the changed parameters: %w", err)
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}
