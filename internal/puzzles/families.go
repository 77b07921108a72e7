package puzzles

import (
	_ "embed" // the families
	"strings"
)

// table has a family a line, with the names of its settings. docs/puzzles.md has
// the command that makes it; the trainer's tests compare it with the library.
//
//go:embed families.txt
var table string

// Families lists the families that have an address, sorted.
func Families() []string {
	var names []string
	for line := range strings.Lines(table) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		names = append(names, name)
	}
	return names
}

// Settings lists the settings of a family, sorted; false if there is no such family.
func Settings(family string) ([]string, bool) {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); fields[0] == family {
			return fields[1:], true
		}
	}
	return nil, false
}
