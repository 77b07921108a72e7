package report

import (
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// measured is a model with a pass@1 over all problems.
func measured(name, parent string, kind r1.Kind, passAt1 float64) Model {
	return Model{Name: name, Parent: parent, Kind: kind, Scores: []Score{{After: Measure{"pass@1": passAt1}}}}
}

func TestVerdictSetsTheLastModelOfTheLongestLineBesideTheBest(t *testing.T) {
	line := []Model{
		measured("base", "", r1.KindBase, 0.30),
		measured("zero", "base", r1.KindGRPO, 0.70),
		measured("dev1", "base", r1.KindSFT, 0.50),
		measured("r1", "dev1", r1.KindGRPO, 0.60),
		measured("direct", "base", r1.KindGRPO, 0.20), // a branch beside the line, listed last
		measured("student", "", r1.KindDistill, 0.90), // has its own table
	}
	best := append([]Model(nil), line...)
	best[3] = measured("r1", "dev1", r1.KindGRPO, 0.80)
	for name, c := range map[string]struct {
		models []Model
		want   string
	}{
		"a model before the last is better": {line, "Over all problems zero has the highest pass@1, 0.70; the last model, r1, has 0.60."},
		"the last is the best":              {best, "The last model, r1, has the highest pass@1 over all problems, 0.80."},
		"two models say it themselves":      {line[:2], ""},
		"no model":                          {nil, ""},
		"not measured":                      {[]Model{{Name: "base"}, {Name: "zero"}, {Name: "dev1"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := verdict(&Report{Models: c.models}); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
