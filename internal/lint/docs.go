package lint

import (
	"fmt"
	"strings"
)

// Docs is docs/lint.md.
func Docs() string {
	var b strings.Builder
	b.WriteString("# Lint: what is checked before anything starts\n\n" +
		"<!-- made from the rules: go test ./internal/lint -update -->\n\n" +
		"`r1ctl lint RECIPE` lists what it finds, each with its line and rule; `r1ctl lint --explain ID` says why a rule is there.\n" +
		"`r1ctl plan` and `r1ctl start` refuse a recipe that breaks a rule of severity error. Warnings are for a person to judge; notes are\n" +
		"for the record. Nothing is started, and nothing is asked of a network.\n\n" +
		"Exit status of `lint`: 0, also with warnings; 2 with errors (with `--strict` also with warnings).\n\n" +
		"## Rules\n\n| id | severity | what holds | why | remedy |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range Rules() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.ID, r.Severity, cell(r.Title), cell(r.Reason), cell(r.Remedy))
	}
	b.WriteString("\n## Checked at the first launch\nWhat only the real model and data can show, the trainer checks before it trains:\n\n")
	for _, line := range AtFirstLaunch() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	return b.String()
}

// cell is text that may stand in a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`).Replace(s)
}
