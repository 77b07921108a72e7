package view

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/lipgloss"
)

// clean makes text that a model wrote, or an error carries, fit to stand in one
// line of a terminal: white space is one blank, control characters cannot act,
// and nothing changes the direction of the writing or hides.
func clean(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
			continue
		case unicode.IsControl(r):
			r = '·'
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// width is how many columns a text takes: two for a Chinese character.
func width(s string) int { return lipgloss.Width(s) }

// head is the longest beginning of a clean text that fits into so many columns.
func head(s string, columns int) string {
	if columns <= 0 {
		return ""
	}
	return lipgloss.NewStyle().MaxWidth(columns).Render(s)
}

// cut shortens a clean text to so many columns, and shows that it did.
func cut(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	if columns < 1 {
		return ""
	}
	return strings.TrimRight(head(s, columns-1), " ") + "…"
}

// fold breaks a clean text into lines of so many columns: at a blank where there
// is one in the second half of the line, else at any character, for what a model
// writes may have none. What is more than the lines is cut.
func fold(s string, columns, lines int) []string {
	var out []string
	for s != "" && columns > 1 {
		if len(out) == lines-1 {
			return append(out, cut(s, columns))
		}
		line := head(s, columns)
		if blank := strings.LastIndexByte(line, ' '); len(line) < len(s) && s[len(line)] != ' ' && blank > len(line)/2 {
			line = line[:blank]
		}
		out = append(out, strings.TrimRight(line, " "))
		s = strings.TrimLeft(s[len(line):], " ")
	}
	return out
}

// Duration writes seconds for people; "-" when there are none.
func Duration(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// rough writes a time that is an estimate, or that changes all the time: no
// more than two units.
func rough(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	default:
		hours := int(d.Round(time.Hour).Hours())
		return fmt.Sprintf("%dd%dh", hours/24, hours%24)
	}
}
