package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/r1ctl/r1ctl"
)

// file is a parsed Go file that is no test.
type file struct {
	path string // from the repository's root
	dir  string // its package: the path without the file, "." for the root
	ast  *ast.File
	code *token.File
}

// sources parses every Go file of the module that is no test.
func sources(t *testing.T) []file {
	t.Helper()
	fset := token.NewFileSet()
	var out []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch name := d.Name(); {
			case rel == ".":
				return nil
			case strings.HasPrefix(name, "."), strings.HasPrefix(name, "_"), name == "testdata", rel == "bin":
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return fs.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, file{path: rel, dir: filepath.Dir(rel), ast: f, code: fset.File(f.Pos())})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found %d Go files: the walk is broken", len(out))
	}
	return out
}

// imports lists what a file imports; packages of this module by their folder.
func (f file) imports() []string {
	var out []string
	for _, spec := range f.ast.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if own, ok := strings.CutPrefix(path, module+"/"); ok {
			path = "./" + own
		}
		out = append(out, path)
	}
	return out
}

// within says whether an import path is one of the listed ones or below them.
func within(path string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}
