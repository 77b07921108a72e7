package report

import (
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/report/reporttest"
)

func TestThePlanStandsBesideWhatHappened(t *testing.T) {
	f := reporttest.New(t)
	live := page(t, collected(t, f), Options{})
	if strings.Contains(live, `id="plan"`) {
		t.Error("a plan is shown that nobody kept")
	}
	number := func(v float64) *float64 { return &v }
	f.Status.Against = &estimate.Against{
		Seconds: estimate.Beside{Planned: estimate.Between(100, 200, 400), Actual: number(500), Ratio: number(2.5)},
		Total:   estimate.StageAgainst{Jobs: 2, Reused: 1},
		Stages: []estimate.StageAgainst{
			{Stage: "seed", Jobs: 1, Seconds: estimate.Beside{Actual: number(10)}, Hours: estimate.Beside{Planned: estimate.Exactly(1)}},
			{Stage: "honey", Jobs: 1, Tries: 2, Rows: &estimate.Beside{Planned: estimate.Exactly(100), Actual: number(200), Ratio: number(2)}},
			{Stage: "judge", Reused: 1},
		},
		Notes: []string{"something is left out"},
	}
	f.Run.Fork = &r1.Fork{Run: "winter", Stage: "tree", Differs: []r1.Change{{Field: "sprout.params.steps", From: []byte("8"), To: []byte("9")}}}
	html := page(t, collected(t, f), Options{})
	for _, want := range []string{
		`id="plan"`, "3 min 20 s (100 s to 6 min 40 s)", "8 min 20 s", "2.5×", "unknown", "2 further attempts", "something is left out",
		"Forked from run winter at tree", "sprout.params.steps",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(html[strings.Index(html, `id="plan"`):strings.Index(html, `id="responses"`)], "judge") {
		t.Error("a stage that was reused is compared with its plan")
	}
}
