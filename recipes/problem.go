package recipes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// A problem is one mistake in a recipe.
type problem struct {
	line, col int    // a negative line is the -line-th --set value
	path      string // such as zero.params.steps
	text      string
	rule      string // a name of MistakeRules, or ""
}

// problems collects the mistakes of one file. The same mistake, seen through
// several profiles, is kept once.
type problems struct {
	list []problem
	seen map[problem]bool
}

// add records a mistake at n. The path does not tell mistakes apart, because one
// place in the file can be reached under several names.
func (p *problems) add(n *yaml.Node, path, format string, args ...any) {
	p.breaks("", n, path, format, args...)
}

// breaks records a mistake that breaks a rule with a name.
func (p *problems) breaks(rule string, n *yaml.Node, path, format string, args ...any) {
	found := problem{line: n.Line, col: n.Column, text: fmt.Sprintf(format, args...), rule: rule}
	if p.seen[found] {
		return
	}
	if p.seen == nil {
		p.seen = map[problem]bool{}
	}
	p.seen[found] = true
	found.path = path
	p.list = append(p.list, found)
}

// mergeViews takes over the problems of the views of a file, and says in which
// profile one occurs where not all have it.
func mergeViews(file *problems, views []view) {
	where := map[problem][]string{}
	for _, v := range views {
		for _, p := range v.found.list {
			p.path = ""
			where[p] = append(where[p], v.profile)
		}
	}
	for _, v := range views {
		for _, p := range v.found.list {
			path := p.path
			p.path = ""
			in := where[p]
			text := p.text
			if len(in) < len(views) && p.line >= 0 {
				text += " (in profile " + strings.Join(in, ", ") + ")"
			}
			file.breaks(p.rule, &yaml.Node{Line: p.line, Column: p.col}, path, "%s", text)
		}
	}
}

// shown bounds an error message; a file with more mistakes is broken anyway.
const shown = 25

// err is the user's error with all problems in the order of their lines, or nil.
func (p *problems) err(file string, set []string) error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int {
		// --set values come after the file.
		return cmp.Or(cmp.Compare(b2i(a.line < 0), b2i(b.line < 0)), cmp.Compare(abs(a.line), abs(b.line)), cmp.Compare(a.col, b.col))
	})
	lines := []string{fmt.Sprintf("%s has %s:", file, count(len(p.list), "mistake"))}
	var mistakes []Mistake
	for i, found := range p.list {
		at := Place{File: file, Line: found.line, Col: found.col, Path: found.path}
		if found.line < 0 {
			at = Place{File: file, Set: set[-found.line-1], Path: found.path}
		}
		mistakes = append(mistakes, Mistake{Rule: cmp.Or(found.rule, "recipe"), Place: at, Text: found.text})
		switch {
		case i == shown:
			lines = append(lines, fmt.Sprintf("  and %d more", len(p.list)-shown))
		case i < shown:
			lines = append(lines, "  "+at.String()+": "+found.text)
		}
	}
	return &Invalid{Mistakes: mistakes, err: &r1.Error{
		Name:   "recipe-invalid",
		Detail: strings.Join(lines, "\n"),
		Remedy: "correct the lines named above; docs/recipes.md lists every key",
	}}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func abs(n int) int { return max(n, -n) }
