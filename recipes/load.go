package recipes

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/r1ctl/r1ctl/internal/r1"
)

//go:embed *.yaml
var embedded embed.FS

// Options say how a recipe is to be read.
type Options struct {
	// Profile is the profile to apply; empty takes the recipe's default_profile.
	Profile string
	// Set are KEY=VALUE pairs laid over everything else, such as
	// zero.params.steps=80 or seed=3. The value is YAML; nothing takes a key away.
	Set []string
}

// Load reads a recipe and checks all of it, under every profile, so that a file
// that loads once does not fail under another profile later. name is a file, or
// the name of a recipe inside the binary (full-r1, recipes/full-r1.yaml); a file
// on disk wins.
//
// Errors are r1.Error: unknown-recipe, unknown-profile, recipe-unreadable, or
// recipe-invalid with one line for each mistake.
func Load(name string, opts Options) (*Recipe, error) {
	f, err := find(name)
	if err != nil {
		return nil, err
	}
	return f.load(opts)
}

// Parse reads a recipe that is not a file (any more), such as that of a run, and
// checks it like Load. label names it in errors; local sources are relative to dir.
func Parse(text, label, dir string, opts Options) (*Recipe, error) {
	f := &file{label: label, dir: dir, text: []byte(text)}
	return f.load(opts)
}

// List names the recipes inside the binary.
func List() []string {
	// The pattern is constant and right, so there is no error to meet.
	names, _ := fs.Glob(embedded, "*.yaml")
	for i, n := range names {
		names[i] = strings.TrimSuffix(n, ".yaml")
	}
	return names
}

// A file is the text of a recipe with where it came from.
type file struct {
	label string // for messages
	dir   string // local sources are relative to it
	text  []byte
}

func (f *file) parse(found *problems) *document {
	root := parseYAML(f.text, found)
	if root == nil {
		return nil
	}
	return readDocument(root, found)
}

func (f *file) load(opts Options) (*Recipe, error) {
	found := &problems{}
	doc := f.parse(found)
	if doc == nil {
		return nil, found.err(f.label, nil)
	}
	chosen := opts.Profile
	if chosen == "" {
		chosen = scalar(doc.root, "default_profile")
	} else if doc.profile(chosen) == nil {
		return nil, unknownProfile(f.label, chosen, doc.names())
	}
	names := doc.names()
	if !slices.Contains(names, chosen) {
		names = append(names, "") // no profile, or a default that was already reported
	}
	var recipe *Recipe
	var views []view
	for _, name := range names {
		v := doc.view(name)
		mine := name == chosen || name == ""
		if mine {
			v.setValues(opts.Set)
		}
		v.expandStudents()
		r := v.compile(f.dir)
		if mine {
			recipe = r
		}
		views = append(views, v)
	}
	mergeViews(found, views)
	if err := found.err(f.label, opts.Set); err != nil {
		return nil, err
	}
	recipe.File, recipe.Dir, recipe.text, recipe.set = f.label, f.dir, string(f.text), opts.Set
	if p := doc.profile(chosen); p != nil {
		recipe.ProfileDescription = strings.Join(strings.Fields(p.description), " ")
	}
	return recipe, nil
}

// find resolves the name of a recipe to its text.
func find(name string) (*file, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && !info.IsDir():
		return readDisk(name)
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
		return nil, unreadable(name, err)
	}
	short := strings.TrimSuffix(filepath.ToSlash(name), ".yaml")
	for _, folder := range []string{"recipes/", "recipe/"} {
		short = strings.TrimPrefix(short, folder)
	}
	names := List()
	if slices.Contains(names, short) {
		return readEmbedded(short)
	}
	detail := fmt.Sprintf("there is no recipe %q: no such file, and none of that name is built in%s", name, hint(filepath.Base(short), names))
	return nil, &r1.Error{
		Name:   "unknown-recipe",
		Detail: detail,
		Remedy: "give the path of a recipe file, or one of: " + strings.Join(names, ", "),
	}
}

func readDisk(name string) (*file, error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, unreadable(name, err)
	}
	return &file{label: name, dir: dir, text: text}, nil
}

func readEmbedded(name string) (*file, error) {
	text, err := embedded.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("read built-in recipe %s: %w", name, err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("read built-in recipe %s: %w", name, err)
	}
	return &file{label: "recipes/" + name + ".yaml", dir: dir, text: text}, nil
}

func unreadable(name string, err error) error {
	return &r1.Error{
		Name:   "recipe-unreadable",
		Detail: fmt.Sprintf("the recipe %s cannot be read", name),
		Remedy: "check the path and its permissions",
		Err:    err,
	}
}

func unknownProfile(file, name string, known []string) error {
	remedy := "this recipe has no profiles: leave --profile out"
	if len(known) > 0 {
		remedy = "use one of: " + strings.Join(known, ", ")
	}
	return &r1.Error{
		Name:   "unknown-profile",
		Detail: fmt.Sprintf("%s has no profile %q%s", file, name, hint(name, known)),
		Remedy: remedy,
	}
}

// Profiles lists the profiles of a recipe, in the file's order; none where it cannot be read.
func Profiles(name string) []string {
	f, err := find(name)
	if err != nil {
		return nil
	}
	doc := f.parse(&problems{})
	if doc == nil {
		return nil
	}
	return doc.names()
}
