package compare

import (
	"fmt"
	"strings"
)

// Markdown writes a comparison as tables, one a domain.
func (c *Comparison) Markdown() string {
	var t strings.Builder
	fmt.Fprintf(&t, "%d runs of %s (%s), seeds %s. Means over the runs", len(c.Runs), c.Recipe, c.Profile, strings.Trim(fmt.Sprint(c.Seeds), "[]"))
	if len(c.Runs) > 1 {
		t.WriteString(" with 95 % intervals (Student's t over the runs); a change is to the model that the stage started from, in the same run")
	}
	t.WriteString(".\n")
	for _, domain := range c.domains() {
		c.table(&t, domain)
	}
	if len(c.Against) > 0 {
		t.WriteString("\n### Side by side: pass@1\n\n| | against | domain | is | the other is | above it by |\n| --- | --- | --- | --- | --- | --- |\n")
		for _, d := range c.Against {
			fmt.Fprintf(&t, "| %s | %s | %s | %s | %s | **%s** |\n", d.Stage, d.Other, named(d.Domain),
				d.Value.show(PassAt1, false), d.OtherIs.show(PassAt1, false), d.Above.show(PassAt1, true))
		}
	}
	return t.String()
}

func (c *Comparison) domains() []string {
	var out []string
	seen := map[string]bool{}
	for _, m := range c.Models {
		for _, d := range m.Domains {
			if !seen[d.Name] {
				seen[d.Name] = true
				out = append(out, d.Name)
			}
		}
	}
	return out
}

// table has a column for each number that some model has in the domain.
func (c *Comparison) table(t *strings.Builder, domain string) {
	var columns []string
	for _, metric := range Metrics() {
		for _, m := range c.Models {
			if m.value(domain, metric) != nil {
				columns = append(columns, metric)
				break
			}
		}
	}
	fmt.Fprintf(t, "\n### %s\n\n| model | measured by | from |", strings.ToUpper(named(domain)[:1])+named(domain)[1:])
	for _, metric := range columns {
		fmt.Fprintf(t, " %s | change |", metric)
	}
	t.WriteString("\n| --- | --- | --- |" + strings.Repeat(" --- | --- |", len(columns)) + "\n")
	for _, m := range c.Models {
		fmt.Fprintf(t, "| %s | %s | %s |", m.Title, m.Evaluate, m.Before)
		for _, metric := range columns {
			v := m.value(domain, metric)
			if v == nil {
				t.WriteString(" | |")
				continue
			}
			change := v.Change.show(metric, true)
			if metric == Tokens && v.Change != nil {
				change = v.Change.times()
			}
			fmt.Fprintf(t, " %s | %s |", v.show(metric, false), change)
		}
		t.WriteString("\n")
	}
}

func (m *Model) value(domain, metric string) *Value {
	for _, d := range m.Domains {
		if d.Name == domain {
			return d.Values[metric]
		}
	}
	return nil
}

func named(domain string) string {
	if domain == "" {
		return "all domains"
	}
	return domain
}

// show writes an estimate, with a sign where it is a change.
func (e *Estimate) show(metric string, signed bool) string {
	if e == nil {
		return ""
	}
	format := "%.2f"
	if metric == Tokens {
		format = "%.1f"
	}
	if signed {
		format = strings.Replace(format, "%", "%+", 1)
	}
	return e.format(format)
}

func (e *Estimate) times() string { return "× " + e.format("%.2f") }

func (e *Estimate) format(number string) string {
	text := fmt.Sprintf(number, e.Mean)
	if e.Low != nil {
		text += fmt.Sprintf(" ("+number+" to "+number+")", *e.Low, *e.High)
	}
	return text
}
