package recipes

import (
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/suggest"
)

// hint ends an error about an unknown name: the nearest valid one, or else all
// of them where they are few enough to read.
func hint(name string, candidates []string) string {
	const readable = 20
	if near := suggest.Nearest(name, candidates); name != "" && near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	switch {
	case len(candidates) == 0:
		return ""
	case len(candidates) > readable:
		return fmt.Sprintf("; valid: %s, and %d more", strings.Join(candidates[:readable], ", "), len(candidates)-readable)
	default:
		return "; valid: " + strings.Join(candidates, ", ")
	}
}
