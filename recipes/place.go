package recipes

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Place is where something of a recipe is written.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"column,omitempty"`
	// Set is the --set value that it comes from, where no line of the file is it.
	Set string `json:"set,omitempty"`
	// Path is what is meant, such as zero.params.steps.
	Path string `json:"path,omitempty"`
}

func (p Place) String() string {
	at := p.File
	switch {
	case p.Set != "":
		at = "--set " + p.Set
	case p.Line > 0:
		at = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
	}
	if p.Path != "" {
		at += ": " + p.Path
	}
	return at
}

// Place finds where a value is written: keys are a stage and what leads on from it,
// such as zero, params, rewards, 0. What is not written (a default) has the place of
// the nearest thing around it that is. A student's keys are STAGE, students, NAME, and
// lead on to the stage's own where the student has none.
func (r *Recipe) Place(keys ...string) Place {
	path := strings.Join(keys, ".")
	if len(keys) == 0 || r.root == nil {
		return r.place(r.root, path)
	}
	stage := named(lookup(r.root, "stages"), keys[0])
	if stage == nil {
		n, _ := follow(r.root, keys)
		return r.place(n, path)
	}
	if len(keys) > 3 && keys[1] == "students" {
		student := named(lookup(stage, "students"), keys[2])
		if n, found := follow(student, keys[3:]); found {
			return r.place(n, path)
		}
		if keys[3] == "params" && len(keys) > 4 { // source and architecture may stand beside the name
			if n, found := follow(student, keys[4:]); found {
				return r.place(n, path)
			}
		}
		if n, found := follow(stage, keys[3:]); found {
			return r.place(n, path)
		}
		return r.place(at(student, "name"), path)
	}
	n, _ := follow(stage, keys[1:])
	if n == stage {
		n = at(stage, "name")
	}
	return r.place(n, path)
}

// follow walks keys as far as they are written; an index or a name leads into a list.
func follow(n *yaml.Node, keys []string) (*yaml.Node, bool) {
	if n == nil {
		return nil, false
	}
	for _, key := range keys {
		next := lookup(n, key)
		if next == nil {
			next = named(n, key)
		}
		if i, err := strconv.Atoi(key); next == nil && err == nil && i >= 0 && i < len(items(n)) {
			next = items(n)[i]
		}
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

func (r *Recipe) place(n *yaml.Node, path string) Place {
	p := Place{File: r.File, Path: path}
	switch {
	case n == nil:
		p.Line, p.Col = 1, 1
	case n.Line < 0 && -n.Line <= len(r.set):
		p.Set = r.set[-n.Line-1]
	default:
		p.Line, p.Col = n.Line, n.Column
	}
	return p
}
