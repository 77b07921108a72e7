package view

import (
	"fmt"
	"sort"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// note is what matters most about a stage that is not running, in a few words.
func note(s *runs.Stage) string {
	switch {
	case s.Question != "":
		return asks(s)
	case s.Reused && len(s.Jobs) > 0:
		if from := s.Jobs[len(s.Jobs)-1].AdoptedFrom; from != "" {
			return "adopted from " + clean(from)
		}
		from, _, _ := strings.Cut(s.Jobs[0].ReusedFrom, "/")
		if s.Kind == r1.KindPublish {
			return "reused from " + from + "  " + published(s)
		}
		return strings.TrimRight("reused from "+from+"  "+keyMetrics(s), " ")
	case s.State == r1.RunFailed:
		return named(s.ErrorName, clean(s.Error))
	case s.Kind == r1.KindCurate && len(s.Jobs) == 1 && s.Jobs[0].Funnel != nil:
		f := s.Jobs[0].Funnel
		return fmt.Sprintf("%d of %d rows kept", f.Kept, f.In)
	}
	if s.Kind == r1.KindPublish && s.State == r1.RunCompleted {
		return published(s)
	}
	return keyMetrics(s)
}

// published says what is where.
func published(s *runs.Stage) string {
	size, unit := s.Metrics["bytes"]/1e3, "kB"
	for _, next := range []string{"MB", "GB", "TB"} {
		if size < 1e3 {
			break
		}
		size, unit = size/1e3, next
	}
	return fmt.Sprintf("%.0f files, %.3g %s, in %s", s.Metrics["files"], size, unit, clean(s.To))
}

// asks says what a stage waits for, and the command that answers.
func asks(s *runs.Stage) string {
	return fmt.Sprintf("waits for you: %s  (%s)", clean(s.Remedy), clean(s.Question))
}

// paused says who paused a run, and the command that ends it.
func paused(st *runs.Status) string {
	by := ""
	if st.Paused != nil && st.Paused.By != "" {
		by = " by " + clean(st.Paused.By)
	}
	return "paused" + by + "; continue with: r1ctl unpause " + st.Run
}

// named puts the stable name of an error before its text.
func named(name, text string) string {
	if name == "" {
		return text
	}
	return fmt.Sprintf("[%s] %s", name, text)
}

func keyMetrics(s *runs.Stage) string {
	list := r1.KeyMetrics(s.Kind, s.Metrics)
	if s.Kind == r1.KindDistill {
		list = nil
		for name, v := range s.Metrics { // job by job: student-48.loss
			if strings.HasSuffix(name, ".loss") {
				list = append(list, r1.Metric{Name: name, Value: v})
			}
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	}
	return join(list, 4)
}

func join(list []r1.Metric, most int) string {
	texts := make([]string, 0, most)
	for _, m := range list[:min(most, len(list))] {
		texts = append(texts, m.String())
	}
	return strings.Join(texts, "  ")
}
