package view

import (
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// gap is between two columns.
const gap = 2

// column is a column of a table without lines.
type column struct {
	cells []string
	style lipgloss.Style
	// drop is the order in which columns go when the window is narrow, 1 first;
	// a column with 0 stays.
	drop int
}

// table sets columns side by side in so many columns of a terminal. What does
// not fit is left out column by column, for all rows alike; what stays and is
// still too long is cut. The last text of a row may be longer than its column.
func table(columns []column, rows, limit int) []string {
	columns = slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		return !slices.ContainsFunc(c.cells, func(text string) bool { return text != "" })
	})
	for {
		widths := measure(columns, rows)
		lines, fits := make([]string, rows), true
		for row := range lines {
			ok := false
			lines[row], ok = line(columns, widths, row, limit)
			fits = fits && ok
		}
		first := -1
		for i, c := range columns {
			if c.drop > 0 && (first < 0 || c.drop < columns[first].drop) {
				first = i
			}
		}
		if fits || first < 0 {
			return lines
		}
		columns = slices.Delete(columns, first, first+1)
	}
}

// measure gives the widths of columns: of the texts that have one to their right.
func measure(columns []column, rows int) []int {
	widths := make([]int, len(columns))
	for row := range rows {
		followed := false
		for i := len(columns) - 1; i >= 0; i-- {
			text := columns[i].cells[row]
			if followed {
				widths[i] = max(widths[i], width(text))
			}
			followed = followed || text != ""
		}
	}
	return widths
}

// line writes one row, and says whether all of it had room.
func line(columns []column, widths []int, row, limit int) (string, bool) {
	var b strings.Builder
	at, owed, fits := 0, 0, true // columns written, and blanks to write before the next text
	for i, c := range columns {
		text := c.cells[row]
		if text != "" {
			short := cut(text, limit-at-owed)
			fits = fits && short == text
			if short == "" {
				break
			}
			b.WriteString(strings.Repeat(" ", owed))
			b.WriteString(c.style.Render(short))
			at += owed + width(short)
			owed = 0
		}
		owed += max(0, widths[i]-width(text))
		if widths[i] > 0 {
			owed += gap
		}
	}
	return b.String(), fits
}
