package behaviours_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/r1ctl/r1ctl/internal/behaviours"
)

func TestATallySumsUpByDomainAndStep(t *testing.T) {
	c, tally := behaviours.New(), behaviours.NewTally()
	yes, no, first, second := true, false, 10, 2
	for _, e := range []behaviours.Entry{
		{Counts: c.Text("Let me check. Let me check. Wait."), Domain: "math", Step: &first, Correct: &yes},
		{Counts: c.Text("Let me check."), Domain: "math", Step: &second, Correct: &no},
		{Counts: c.Text("7"), Domain: "code", Correct: &no},
		{Counts: c.Text("That's wrong.")},
	} {
		tally.Add(e)
	}
	s := tally.Summary()
	check := s.Behaviours[behaviours.Verification]
	if s.Rows != 4 || check.Share != 0.5 || check.Mean != 0.75 || *check.Accuracy != 0.5 || math.Abs(*s.Accuracy-1./3) > 1e-9 {
		t.Errorf("all: %+v, verification %+v", s.Group, check)
	}
	if s.Reflective != 1.25 || s.Words["check"] != 0.75 || s.Words["wait"] != 0.25 {
		t.Errorf("words: %v %v", s.Reflective, s.Words)
	}
	if len(s.Domains) != 2 || s.Domains["math"].Behaviours[behaviours.Verification].Mean != 1.5 || s.Domains["code"].Rows != 1 {
		t.Errorf("domains: %+v", s.Domains)
	}
	if len(s.Steps) != 2 || s.Steps[0].Step != 2 || s.Steps[1].Behaviours[behaviours.Verification].Mean != 2 {
		t.Errorf("steps: %+v", s.Steps)
	}
	if s.Judge != nil {
		t.Error("there was no judge")
	}
}

func TestLabelsOfAJudge(t *testing.T) {
	for raw, want := range map[string]string{
		`{"verification": true, "backtracking": false}`:                         "yes no - -",
		`{"verification": 3, "subgoals": 0, "backward_chaining": 1}`:            "yes - no yes",
		`{"backward-chaining": {"count": 2, "why": "…"}, "backtracking": null}`: "- - - yes",
		`"Here it is: {\"subgoals\": true}. Done."`:                             "- - yes -",
		`"no object"`: "unread", `7`: "unread", `{"other": 1}`: "unread", `null`: "unread", ``: "unread",
		`{"verification": "very"}`: "unread",
	} {
		l, ok := behaviours.ParseLabels(json.RawMessage(raw))
		got := "unread"
		if ok {
			got = ""
			for i, said := range l {
				word := "-"
				if said != nil {
					word = map[bool]string{true: "yes", false: "no"}[*said]
				}
				if i > 0 {
					got += " "
				}
				got += word
			}
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

// The kappa of a table with 20 both, 5 rules only, 10 judge only and 15 neither is 0.4.
func TestAgreementIsBeyondChance(t *testing.T) {
	c, tally := behaviours.New(), behaviours.NewTally()
	yes, no := true, false
	add := func(n int, trace string, judge *bool) {
		for range n {
			counts := c.Text(trace)
			tally.AddLabels(counts, behaviours.Labels{judge}, judge != nil)
		}
	}
	add(20, "Let me check.", &yes)
	add(5, "Let me check.", &no)
	add(10, "7", &yes)
	add(15, "7", &no)
	add(2, "7", nil)
	j := tally.Summary().Judge
	v := j.Behaviours[behaviours.Verification]
	if v.Rows != 50 || *v.Agreement != 0.7 || math.Abs(*v.Kappa-0.4) > 1e-9 || v.Both != 20 || v.Rules != 5 || v.Judge != 10 || v.Neither != 15 {
		t.Errorf("%+v", v)
	}
	if b := j.Behaviours[behaviours.Backtracking]; j.Unlabelled != 2 || b.Rows != 0 || b.Kappa != nil {
		t.Errorf("%+v, unlabelled %d", b, j.Unlabelled)
	}
}
