package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/golden"
)

// userError is an r1.Error literal in the code.
type userError struct {
	name, detail, remedy string
	where                string
}

const errorsHead = `# Errors

Every error that r1ctl shows a user has a stable name, and a remedy. This list is made from the code by
` + "`make docs`" + `; "…" stands for what differs from case to case.

| name | what happened | what to do |
| --- | --- | --- |
`

func TestErrorsAreDocumented(t *testing.T) {
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	var rows []string
	for _, e := range userErrors(t) {
		switch {
		case e.name == "":
			continue // passes on what another place named
		case !kebab.MatchString(e.name):
			t.Errorf("%s: the error's name %q is not kebab-case", e.where, e.name)
		case e.remedy == "":
			t.Errorf("%s: the error %s has no remedy", e.where, e.name)
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", e.name, cell(e.detail), cell(e.remedy)))
	}
	sort.Strings(rows)
	golden.Check(t, filepath.Join(root, "docs", "errors.md"), errorsHead+strings.Join(slices.Compact(rows), ""))
}

func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

func userErrors(t *testing.T) []userError {
	t.Helper()
	files := sources(t)
	names := constants(files)
	var out []userError
	for _, f := range files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || !isR1Error(lit.Type, f) {
				return true
			}
			e := userError{where: fmt.Sprintf("%s:%d", f.path, f.code.Line(lit.Pos()))}
			for _, elt := range lit.Elts {
				kv, ok := elt.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				text := names.text(f.dir, kv.Value)
				switch kv.Key.(*ast.Ident).Name {
				case "Name":
					if text != "…" {
						e.name = text
					}
				case "Detail":
					e.detail = text
				case "Remedy":
					e.remedy = text
				}
			}
			out = append(out, e)
			return true
		})
	}
	if len(out) == 0 {
		t.Fatal("found no r1.Error: the search is broken")
	}
	return out
}

func isR1Error(typ ast.Expr, f file) bool {
	switch x := typ.(type) {
	case *ast.SelectorExpr:
		pkg, ok := x.X.(*ast.Ident)
		return ok && pkg.Name == "r1" && x.Sel.Name == "Error"
	case *ast.Ident:
		return f.dir == "internal/r1" && x.Name == "Error"
	}
	return false
}

// consts are the string constants of packages, by folder and name.
type consts map[[2]string]string

func constants(files []file) consts {
	out := consts{}
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.CONST {
				continue
			}
			for _, spec := range gen.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						if s, ok := literal(v.Values[i]); ok {
							out[[2]string{f.dir, name.Name}] = s
						}
					}
				}
			}
		}
	}
	return out
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9.]*[a-zA-Z]`)

// text is what an expression says, with "…" for what only the run knows.
func (c consts) text(dir string, e ast.Expr) string {
	if s, ok := literal(e); ok {
		return s
	}
	switch x := e.(type) {
	case *ast.Ident:
		if s, ok := c[[2]string{dir, x.Name}]; ok {
			return s
		}
	case *ast.BinaryExpr:
		return c.text(dir, x.X) + c.text(dir, x.Y)
	case *ast.CallExpr:
		if fun, ok := x.Fun.(*ast.SelectorExpr); ok && len(x.Args) > 0 && fun.Sel.Name == "Sprintf" {
			return verb.ReplaceAllString(c.text(dir, x.Args[0]), "…")
		}
	}
	return "…"
}
