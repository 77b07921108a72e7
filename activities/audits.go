package activities

import (
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// audits says how often a model that judges agreed with the rules that had judged
// the same rows: rows that curate's step judged counts, and then leaves out.
func audits(f r1.Funnel) map[string]float64 {
	count := map[string]float64{}
	for _, d := range f.Dropped {
		if result, ok := strings.CutPrefix(d.Reason, "audit:"); ok {
			count[result] += float64(d.Rows)
		}
	}
	decided := count["agrees"] + count["disagrees"]
	if decided+count["undecided"] == 0 {
		return nil
	}
	out := map[string]float64{"audited": decided + count["undecided"], "audit_undecided": count["undecided"]}
	if decided > 0 {
		out["audit_agreement"] = count["agrees"] / decided
	}
	return out
}
