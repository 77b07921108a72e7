package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/behaviours"
)

const tracedRows = `{"id":"a","domain":"math","response":"Let me check. Wait.","verdict":{"label":"correct"},"step":10,"judge":{"verification":true,"backtracking":false}}
{"id":2,"domain":"math","completion":"That's wrong.","verdict":{"label":"wrong"},"step":20,"judge":"{\"verification\":1,\"backtracking\":1}"}
{"id":"c","domain":"countdown","response":"9+2=11, 11+4=15. 9*2=18, 18-4=14.","verification_info":{"numbers":[9,2,4],"target":14}}
`

func TestBehavioursOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traces.jsonl")
	if err := os.WriteFile(file, []byte(tracedRows), 0o644); err != nil {
		t.Fatal(err)
	}
	call := func(want int, args ...string) (out, errs string) {
		t.Helper()
		var o, e bytes.Buffer
		if got := run(t.Context(), append([]string{"behaviours"}, args...), &o, &e); got != want {
			t.Fatalf("%v: exit status %d, want %d\n%s", args, got, want, e.String())
		}
		return o.String(), e.String()
	}

	out, _ := call(0, file, "--judge-field", "judge", "-o", "json")
	var s behaviours.Summary
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	if s.Rows != 3 || *s.Accuracy != 0.5 || s.Behaviours[behaviours.Backtracking].Mean != 2./3 || len(s.Domains) != 2 || len(s.Steps) != 2 {
		t.Errorf("%s", out)
	}
	if v := s.Judge.Behaviours[behaviours.Verification]; v.Rows != 2 || *v.Agreement != 0.5 || s.Judge.Unlabelled != 1 {
		t.Errorf("judge: %+v", s.Judge)
	}

	out, _ = call(0, file, "--judge-field", "judge")
	for _, want := range []string{"all", "countdown", "step 20", "67 %, 0.67", "RULES AND JUDGE", "1 rows have no labels"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}

	out, _ = call(0, file, "--rows")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if want := `{"id":"a","behaviours":{"backtracking":0,"backward-chaining":0,"subgoals":0,"verification":1},"reflective":2,"words":{"check":1,"wait":1}}`; len(lines) != 3 || lines[0] != want {
		t.Errorf("got %s\nwant %s", out, want)
	}

	if err := os.WriteFile(file, []byte(tracedRows+"{\"id\":\"d\"}\nno row\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, errs := call(1, file)
	for _, want := range []string{"traces.jsonl line 4: it has no response", "line 5: expected a JSON object", "2 of 5 lines"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in\n%s", want, errs)
		}
	}
	call(2)
	call(1, filepath.Join(t.TempDir(), "none.jsonl"))
}
