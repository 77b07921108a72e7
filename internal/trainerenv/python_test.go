package trainerenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// fakePython writes a shell script in place of an interpreter.
func fakePython(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func says(minor int, venv bool) string {
	return fmt.Sprintf(`echo '{"version": [3, %d, 1], "venv": %v}'`, minor, venv)
}

func TestFindPython(t *testing.T) {
	for name, c := range map[string]struct {
		path map[string]string // what is on the PATH
		want string            // version, or the error's name
	}{
		"python3 fits":               {map[string]string{"python3": says(11, true)}, "3.11.1"},
		"another one is newer":       {map[string]string{"python3": says(9, true), "python3.12": says(12, true)}, "3.12.1"},
		"python3 is too new":         {map[string]string{"python3": says(15, true), "python3.14": says(14, true)}, "3.14.1"},
		"another one can make venvs": {map[string]string{"python3": says(13, false), "python3.12": says(12, true)}, "3.12.1"},
		"none":                       {nil, "python-missing"},
		"too old":                    {map[string]string{"python3": says(8, true)}, "python-missing"},
		"broken":                     {map[string]string{"python3": "exit 3"}, "python-missing"},
		"talks nonsense":             {map[string]string{"python3": "echo hello"}, "python-missing"},
		"no venv":                    {map[string]string{"python3": says(11, false)}, "venv-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for n, body := range c.path {
				fakePython(t, filepath.Join(dir, n), body)
			}
			t.Setenv("PATH", dir)
			py, err := findPython(t.Context(), "")
			if err == nil {
				if py.Version != c.want {
					t.Errorf("found %s, want %s", py.Version, c.want)
				}
				return
			}
			e, ok := r1.AsError(err)
			if !ok || e.Name != c.want {
				t.Fatalf("error = %v, want %s", err, c.want)
			}
			packages := "python3 python3-venv"
			if name == "too old" {
				packages = "python3.11 python3.11-venv" // python3 would bring the same again
			}
			if !strings.Contains(e.Remedy, "apt-get install -y "+packages) {
				t.Errorf("remedy %q does not install %s", e.Remedy, packages)
			}
		})
	}
}

func TestFindPythonByName(t *testing.T) {
	dir := t.TempDir()
	fakePython(t, filepath.Join(dir, "mine"), says(12, true))
	py, err := findPython(t.Context(), filepath.Join(dir, "mine"))
	if err != nil || py.Minor() != "3.12" {
		t.Errorf("found %v, %v", py, err)
	}
	_, err = findPython(t.Context(), filepath.Join(dir, "other"))
	if e, ok := r1.AsError(err); !ok || e.Name != "python-missing" || !strings.Contains(e.Detail, "other") {
		t.Errorf("error = %v, want python-missing that names it", err)
	}
}
