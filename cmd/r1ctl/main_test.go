package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs the command line in this process.
func call(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return out.String(), errs.String(), code
}

func TestMistakesAreNamedAndStartNothing(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("recipe: bad\nstages:\n  - {name: a, kind: sfft}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want []string // in stderr
	}{
		"unknown command":     {[]string{"statsu"}, []string{"unknown command", "status"}},
		"missing argument":    {[]string{"resume"}, []string{"accepts 1 arg(s)", "usage: r1ctl resume RUN"}},
		"unknown flag":        {[]string{"start", "--profil", "x"}, []string{"unknown flag: --profil"}},
		"unknown output form": {[]string{"version", "-o", "yaml"}, []string{"expected text or json"}},
		"unknown recipe":      {[]string{"start", "full-r2"}, []string{`did you mean "full-r1"?`, "[unknown-recipe]", "try:"}},
		"unknown profile":     {[]string{"start", "full-r1", "--profile", "labtop"}, []string{`"laptop"`, "[unknown-profile]"}},
		"unknown parameter":   {[]string{"start", "full-r1", "--set", "zero.params.stepz=3"}, []string{`did you mean "steps"?`}},
		"unknown kind":        {[]string{"start", bad}, []string{"bad.yaml:3", `"sfft"`, `"sft"`}},
		"half an engine":      {[]string{"status", "--temporal-address", "localhost:1"}, []string{"s3.endpoint", "[config-invalid]"}},
		"worker without one":  {[]string{"worker"}, []string{"temporal.address"}},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			t.Setenv("R1CTL_STATE_DIR", state)
			out, errs, code := call(t, c.args...)
			if code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			if out != "" {
				t.Errorf("stdout %q, want nothing", out)
			}
			for _, want := range c.want {
				if !strings.Contains(errs, want) {
					t.Errorf("stderr %q lacks %q", errs, want)
				}
			}
			if _, err := os.Stat(state); err == nil {
				t.Error("a state dir was made")
			}
		})
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	for _, cmd := range a.root().Commands() {
		if cmd.Short == "" {
			t.Errorf("%s says nothing of itself", cmd.Name())
		}
		if !cmd.Hidden && cmd.Example == "" && cmd.Name() != "version" && cmd.Name() != "agent" {
			t.Errorf("%s has no example", cmd.Name())
		}
	}
}

func TestVersionAsData(t *testing.T) {
	out, _, code := call(t, "version", "-o", "json")
	var v struct{ Version, Go, Platform string }
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != exitOK || v.Version == "" || v.Go == "" {
		t.Errorf("version: code %d, %q (%v)", code, out, err)
	}
}
