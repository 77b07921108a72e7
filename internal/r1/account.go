package r1

import (
	"path"
	"slices"
	"strings"
)

// IsAccount says whether a file of a data set tells of rows that are not in it: those that a
// curation dropped, and those that it could not read.
func IsAccount(file string) bool {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return slices.Contains([]string{"dropped", "quarantine"}, name)
}
