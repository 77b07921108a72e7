package testcases

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/sandbox"
	"github.com/r1ctl/r1ctl/internal/verify/program"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

func box(t *testing.T) Runner {
	t.Helper()
	s, err := sandbox.New(t.Context(), sandbox.Options{})
	if err != nil {
		lacking.Skip(t, "no sandbox works on this machine: %v", err)
	}
	t.Cleanup(s.Close)
	j, err := program.New(program.Options{Runner: s})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func python(list ...string) (out []Program) {
	for _, code := range list {
		out = append(out, Program{"python", code})
	}
	return out
}

// The problem is to sum up numbers, any of which may be negative.
const (
	sum       = "print(sum(map(int, input().split())))"
	loop      = "t = 0\nfor x in input().split():\n    t += int(x)\nprint(t, '')"
	absolute  = "print(sum(abs(int(x)) for x in input().split()))"
	firstTwo  = "a = input().split()\nprint(int(a[0]) + int(a[1]) if len(a) == 2 else sum(map(int, a)))"
	crashes   = "print(sum(map(int, input().split()[:3])) // (1 if True else 0))\nraise SystemExit(1)"
	positive  = "import random\nprint(*[random.randint(1, 9) for _ in range(3)])"
	negative  = "import random\nprint(*[random.randint(-9, -1) for _ in range(3)])"
	malformed = "print('no numbers')"
	silent    = "pass"
)

func TestInputsAreKeptThatCatchWrongPrograms(t *testing.T) {
	b := box(t)
	for name, c := range map[string]struct {
		p      Problem
		reason string
		cases  int // -1: any above 0
		caught int
	}{
		"negative numbers catch": {Problem{Generators: python(positive, negative, malformed, silent), Right: python(sum, loop), Wrong: python(absolute)}, "", 3, 1},
		"a crash is caught":      {Problem{Generators: python(positive), Right: python(sum, loop), Wrong: python(crashes)}, "", 3, 1},
		"nothing catches it":     {Problem{Generators: python(positive), Right: python(sum, loop), Wrong: python(absolute, firstTwo)}, NoneCaught, 0, 0},
		"they do not agree":      {Problem{Generators: python(negative), Right: python(sum, absolute), Wrong: python(crashes)}, NoAgreement, 0, 0},
		"no input is valid":      {Problem{Generators: python(malformed), Right: python(sum, loop), Wrong: python(crashes)}, NoAgreement, 0, 0},
		"no input at all":        {Problem{Generators: python(silent), Right: python(sum, loop), Wrong: python(crashes)}, NoInput, 0, 0},
		"one right program":      {Problem{Generators: python(positive), Right: python(sum), Wrong: python(crashes)}, FewRight, 0, 0},
		"no wrong program":       {Problem{Generators: python(positive), Right: python(sum, loop)}, NoWrong, 0, 0},
		"no generator":           {Problem{Right: python(sum, loop), Wrong: python(crashes)}, NoGenerator, 0, 0},
	} {
		made, err := Make(t.Context(), b, c.p, Defaults())
		if err != nil || made.Reason != c.reason || len(made.Cases) != c.cases || made.Caught != c.caught {
			t.Errorf("%s: %v, %+v with %d cases, want %q, %d cases, %d caught", name, err, made, len(made.Cases), c.reason, c.cases, c.caught)
		}
		for _, test := range made.Cases {
			if name == "negative numbers catch" && !strings.Contains(test.Input, "-") {
				t.Errorf("%s: %q catches nothing", name, test.Input)
			}
		}
		again, err := Make(t.Context(), b, c.p, Defaults())
		if err != nil || fmt.Sprint(again.Cases) != fmt.Sprint(made.Cases) {
			t.Errorf("%s: a second time gives other tests: %v, %v", name, again.Cases, err)
		}
	}
}

func TestTheBoundKeepsWhatCatchesMore(t *testing.T) {
	o := Defaults()
	o.Most = 1
	both := "print(-1, 5)" // catches both; the others only one
	made, err := Make(t.Context(), box(t), Problem{
		Generators: python("print(-1, -2, 3)", both, "print(4, 5)"), Right: python(sum, loop),
		Wrong: python(absolute, "a = input().split()\nprint(0 if len(a) == 2 else sum(map(int, a)))"),
	}, o)
	if err != nil || len(made.Cases) != 1 || made.Cases[0].Input != "-1 5\n" || made.Cases[0].Output != "4\n" || made.Caught != 2 || made.Agreed != 3 {
		t.Errorf("%v: %+v %v", err, made, made.Cases)
	}
}

// broken is a sandbox that fails: simulated.
type broken struct{}

func (broken) RunCode(context.Context, program.RunCodeRequest) program.RunCodeResult {
	return program.RunCodeResult{Status: "SandboxError", Message: "no memory"}
}

func TestAFaultIsNoDisagreement(t *testing.T) {
	o := Defaults()
	p := Problem{Generators: python(positive), Right: python(sum, loop), Wrong: python(absolute)}
	made, err := Make(t.Context(), broken{}, p, o)
	if err != nil || made.Reason != Fault {
		t.Errorf("%v: %+v", err, made)
	}
	o.Runs = 20
	_, err = Make(t.Context(), broken{}, p, o)
	if e, ok := r1.AsError(err); !ok || e.Name != "sandbox-failing" {
		t.Errorf("%v, want sandbox-failing", err)
	}
}

func TestProgramsComeFromSamples(t *testing.T) {
	set, err := ReadProblems("p.jsonl", strings.NewReader(`{"id":"a","prompt":"sum up","source":"x","right":["`+sum+`"]}`+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	response := func(text string) string { raw, _ := json.Marshal(text); return string(raw) }
	generators := `{"id":"a","response":` + response("<think>```python\nno\n```</think>Two:\n```python\nprint(1)\n```\n```py\nprint(2)\n```\n```text\nx\n```") + "}\n"
	solutions := `{"id":"a","verdict":{"label":"correct"},"response":` + response("```python\ndraft\n```\n```python\nfinal\n```") + "}\n" +
		`{"id":"a","verdict":{"label":"wrong"},"response":` + response("```\nbad\n```") + "}\n" +
		`{"id":"a","verdict":{"label":"unverified"},"response":` + response("```\nunknown\n```") + "}\n" + `{"id":"z","response":""}` + "\n"
	if n, err := set.AddGenerators("g", strings.NewReader(generators)); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := set.AddSolutions("s", strings.NewReader(solutions)); n != 1 || err != nil {
		t.Error(n, err)
	}
	row := set.Rows[0]
	if len(row.Generators) != 2 || len(row.Right) != 2 || row.Right[1].Code != "final\n" || len(row.Wrong) != 1 {
		t.Errorf("%+v", row.Problem)
	}
	line, err := row.With(Made{Cases: []Case{{Input: "1", Output: "1", Type: "stdin_stdout"}}, Inputs: 2})
	want := `{"id":"a","prompt":"sum up","source":"x","tests":{"inputs":2,"agreed":0,"wrong":0,"caught":0,"faults":0},"verification_info":{"language":"python","test_cases":[{"input":"1","output":"1","type":"stdin_stdout"}]},"verifier":"code"}`
	if err != nil || string(line) != want {
		t.Errorf("%v\n%s\n%s", err, line, want)
	}
	for text, says := range map[string]string{
		"{": "p.jsonl:1: it is no JSON object", `{"prompt":"x"}`: "p.jsonl:1: id is missing",
		`{"id":"a"}` + "\n" + `{"id":"a"}`: `p.jsonl:2: the id "a" is there twice`, `{"id":"a","right":"x"}`: "p.jsonl:1: cannot unmarshal",
	} {
		if _, err := ReadProblems("p.jsonl", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}
