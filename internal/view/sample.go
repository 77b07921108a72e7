package view

import (
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// interest ranks what a reader would rather see a response of.
var interest = map[r1.Kind]int{r1.KindGRPO: 3, r1.KindSample: 2, r1.KindEvaluate: 1}

// sampleLines show a prompt and what the model answered, in the running stage
// that says most: one line of prompt, two of response.
func sampleLines(jobs []live, v Viewport, look styles) []string {
	var best *live
	for i := range jobs {
		l := &jobs[i]
		if l.job == nil || l.job.Text["response"] == "" {
			continue
		}
		if best == nil || interest[l.stage.Kind] > interest[best.stage.Kind] {
			best = l
		}
	}
	if best == nil {
		return nil
	}
	prompt := fmt.Sprintf("  %s  %s", best.name, clean(best.job.Text["prompt"]))
	lines := []string{"", look.dim.Render(cut(prompt, v.Width))}
	for _, text := range fold(clean(best.job.Text["response"]), v.Width-4, 2) {
		lines = append(lines, "    "+text)
	}
	return append(lines, "")
}
