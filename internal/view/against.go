package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// origin says what a run took from others besides what is equal, and what it was to
// make anew.
func origin(st *runs.Status) []string {
	var out []string
	if f := st.Fork; f != nil {
		out = append(out, fmt.Sprintf("forked from run %s at %s", f.Run, f.Stage))
		if n := len(f.Differs); n > 0 {
			out = append(out, fmt.Sprintf("%d values of the recipe before %s are not in effect, such as %s", n, f.Stage, f.Differs[0].Field))
		}
	}
	if len(st.Rebuild) > 0 {
		out = append(out, "to make anew: "+strings.Join(st.Rebuild, ", "))
	}
	switch st.Drift {
	case r1.DriftReuse:
		out = append(out, "drift: results made otherwise than they would be now were reused")
	case r1.DriftFork:
		out = append(out, "drift: results made otherwise than they would be now were made anew, for this run only")
	case r1.DriftRebuild:
		out = append(out, "drift: results made otherwise than they would be now were made anew")
	}
	return out
}

// Against writes the plan beside what happened, a line a stage that ran.
func Against(out io.Writer, a *estimate.Against) {
	hours := "CORE HOURS"
	if a.Accelerator != "" {
		hours = clean(a.Accelerator) + " HOURS"
	}
	fmt.Fprintln(out, "plan against actual (planned → actual, ratio):")
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "STAGE\tTIME\t%s\tSTORED\tROWS\n", hours)
	for i := range a.Stages {
		s := &a.Stages[i]
		if s.Jobs == 0 {
			continue
		}
		rows := ""
		if s.Rows != nil {
			rows = Beside(*s.Rows, r1.Number)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Stage, Beside(s.Seconds, Duration), Beside(s.Hours, r1.Number), Beside(s.Bytes, stored), rows)
	}
	t := a.Total
	fmt.Fprintf(w, "sum of what is known\t%s\t%s\t%s\t\n", Beside(t.Seconds, Duration), Beside(t.Hours, r1.Number), Beside(t.Bytes, stored))
	fmt.Fprintf(w, "wall time\t%s\t\t\t\n", Beside(a.Seconds, Duration))
	_ = w.Flush() // the writes of out are not checked either
	for _, n := range a.Notes {
		fmt.Fprintln(out, "note:", n)
	}
}

// Beside writes a planned figure and the real one with their ratio.
func Beside(b estimate.Beside, of func(float64) string) string {
	planned, actual, ratio := "unknown", "unknown", ""
	if b.Planned.Known {
		planned = of(b.Planned.Likely)
	}
	if b.Actual != nil {
		actual = of(*b.Actual)
	}
	if b.Ratio != nil {
		ratio = fmt.Sprintf(", %.2g×", *b.Ratio)
	}
	return planned + " → " + actual + ratio
}

func stored(v float64) string {
	const units = "kMGTPE"
	if v < 1000 {
		return fmt.Sprintf("%.0f B", v)
	}
	i := -1
	for v >= 1000 && i < len(units)-1 {
		v /= 1000
		i++
	}
	return fmt.Sprintf("%.3g %cB", v, units[i])
}
