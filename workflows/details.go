package workflows

import (
	"fmt"
	"strings"
)

// RunDetails are the static details of a run's workflow: what it is, and how to
// look at it.
func RunDetails(in RunInput, description string) string {
	var t strings.Builder
	if description != "" {
		t.WriteString(cell(description) + ".\n\n")
	}
	fmt.Fprintf(&t, "%d stages; each is a workflow of its own, listed under relationships. Their state is in the current details.\n\n", len(in.Stages))
	if address := in.Links.Run(in.Run); address != "" {
		t.WriteString("- " + link("live report", address) + "\n")
	}
	fmt.Fprintf(&t, "- `r1ctl watch %s`\n- `r1ctl resume %s` continues it after a failure\n- `r1ctl pause %s`, `r1ctl unpause %s`, `r1ctl cancel %s`\n", in.Run, in.Run, in.Run, in.Run, in.Run)
	return t.String()
}

func stageSummary(s StageShape) string {
	text := s.Name + " (" + string(s.Kind) + ")"
	if s.Title != "" {
		text += ": " + s.Title
	}
	return text
}

func stageDetails(in StageInput) string {
	s := in.Stage
	var t strings.Builder
	fmt.Fprintf(&t, "Stage %s of run %s, kind %s.\n\n", cell(s.Name), cell(in.Run), s.Kind)
	if len(s.Needs) > 0 {
		fmt.Fprintf(&t, "- needs %s\n", cell(strings.Join(s.Needs, ", ")))
	}
	if address := in.Links.Run(in.Run); address != "" {
		t.WriteString("- " + link("live report", address) + "\n")
	}
	fmt.Fprintf(&t, "- `r1ctl logs %s %s`\n", in.Run, s.Name)
	return t.String()
}
