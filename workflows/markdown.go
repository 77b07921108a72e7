package workflows

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// cellLimit keeps a table readable; logs and records have the whole text.
const cellLimit = 240

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "<", `\<`, ">", `\>`, "*", `\*`, "`", "\\`", "[", `\[`, "]", `\]`, "\n", " ", "\r", " ",
)

// cell makes any text fit for a cell of a Markdown table.
func cell(s string) string {
	if utf8.RuneCountInString(s) > cellLimit {
		s = string([]rune(s)[:cellLimit-1]) + "…"
	}
	return markdownEscapes.Replace(s)
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func link(text, address string) string {
	if address == "" {
		return ""
	}
	return fmt.Sprintf("[%s](%s)", text, address)
}

// trouble writes an error with its name and what to do.
func trouble(e *r1.Error) string {
	if e == nil {
		return ""
	}
	text := cell(e.Detail)
	if e.Name != "" {
		text = "**" + e.Name + "**: " + text
	}
	if e.Remedy != "" {
		text += " — try: " + cell(e.Remedy)
	}
	return text
}

// took is how long something lasted, or since when it goes on: what stands in
// details does not change by itself.
func took(start, end time.Time) string {
	switch {
	case start.IsZero():
		return ""
	case end.IsZero():
		return "since " + start.UTC().Format("15:04:05 UTC")
	}
	d := end.Sub(start)
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func numbers(list []r1.Metric) string {
	texts := make([]string, 0, len(list))
	for _, m := range list {
		texts = append(texts, m.String())
	}
	return strings.Join(texts, ", ")
}

// shortened keeps a summary inside what Temporal takes (400 bytes).
func shortened(s string) string {
	const limit = 390
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
