package r1

import "fmt"

// Metric is a number with its name.
type Metric struct {
	Name  string
	Value float64
}

func (m Metric) String() string { return m.Name + " " + Number(m.Value) }

// keyMetrics names the numbers that say most about a kind, in this order.
var keyMetrics = map[Kind][]string{
	KindBase:        {"loss", "parameters"},
	KindGRPO:        {"reward", "accuracy", "tokens", "format"},
	KindSample:      {"accuracy", "format", "tokens"},
	KindCurate:      {"rows", "audit_agreement"},
	KindSFT:         {"loss", "rows"},
	KindRewardModel: {"loss", "accuracy", "rows"},
	KindEvaluate:    {"pass@1", "cons@k", "accuracy", "format", "tokens"},
	KindDistill:     {"loss", "rows"},
	KindPublish:     {"files", "bytes"},
}

// KeyMetrics picks the numbers of a job that matter most for its kind, the
// first one first.
func KeyMetrics(k Kind, values map[string]float64) []Metric {
	var out []Metric
	for _, name := range keyMetrics[k] {
		if v, ok := values[name]; ok {
			out = append(out, Metric{name, v})
		}
	}
	return out
}

// Number writes a number for people: three digits that count.
func Number(v float64) string {
	switch a := max(v, -v); {
	case a >= 1e9:
		return fmt.Sprintf("%.3gB", v/1e9)
	case a >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}
