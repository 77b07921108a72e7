package estimate

import "slices"

// A PaperCost is a line of the cost table of DeepSeek-R1 (Table 7; H800), to be set beside an
// estimate. Nothing of the estimate is made from it.
type PaperCost struct {
	Name   string   `json:"name"`
	Hours  float64  `json:"hours"`  // of H800
	Stages []string `json:"stages"` // of recipes/full-r1.yaml, that it is about
	// Estimated is what the estimate says of these stages. Partly says that some of them are unknown.
	Estimated Range `json:"estimated"`
	Partly    bool  `json:"partly,omitempty"`
}

// BesidePaper sets an estimate of the paper's stages beside the paper's table; lines
// whose stages a plan does not have are left out.
func BesidePaper(e *Estimate) []PaperCost {
	var out []PaperCost
	for _, line := range []PaperCost{
		{Name: "R1-Zero", Hours: 101_000, Stages: []string{"zero"}},
		{Name: "SFT data", Hours: 5_000, Stages: []string{"cold-samples", "rejection-samples"}},
		{Name: "R1", Hours: 41_000, Stages: []string{"dev1", "dev2", "dev3", "helpful-rm", "safety-rm", "r1"}},
	} {
		any, known := false, false
		line.Estimated = Exactly(0)
		for _, j := range e.Jobs {
			if !slices.Contains(line.Stages, j.Stage) {
				continue
			}
			any = true
			if j.Hours.Known {
				line.Estimated, known = line.Estimated.Plus(j.Hours), true
			} else {
				line.Partly = true
			}
		}
		line.Estimated.Known = known
		if any {
			out = append(out, line)
		}
	}
	return out
}
