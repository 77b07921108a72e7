package response

import "strings"

// Boxes is what ScanBoxes finds.
type Boxes struct {
	Last  string // content of the last outermost \boxed{…}
	Count int    // outermost \boxed{…} groups
	Stray bool   // a \boxed without a group that closes
	// Cut says that the text ends within a box: the response was cut off there.
	Cut bool
}

// ScanBoxes finds every \boxed{…} whose braces match, in one pass. Braces
// escaped by a backslash do not count, and a group that never closes is not an
// answer; one inside another belongs to the outer one.
func ScanBoxes(text string) Boxes {
	const command = `\boxed`
	type group struct {
		start int
		boxed bool
		inner int // outermost boxes closed inside this group
	}
	var b Boxes
	var open []group
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if !strings.HasPrefix(text[i:], command) {
				i++ // the next byte is escaped
				continue
			}
			j := i + len(command)
			for j < len(text) && (text[j] == ' ' || text[j] == '\t' || text[j] == '\n') {
				j++
			}
			if j == len(text) || text[j] != '{' {
				b.Stray, b.Cut = true, j == len(text)
				i += len(command) - 1
				continue
			}
			open = append(open, group{start: j + 1, boxed: true, inner: b.Count})
			i = j
		case '{':
			open = append(open, group{start: i + 1})
		case '}':
			if len(open) == 0 {
				continue
			}
			g := open[len(open)-1]
			open = open[:len(open)-1]
			if g.boxed {
				b.Last, b.Count = text[g.start:i], g.inner+1
			}
		}
	}
	for _, g := range open {
		b.Stray, b.Cut = b.Stray || g.boxed, b.Cut || g.boxed
	}
	return b
}
