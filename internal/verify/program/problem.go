package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// problem is what a row says of its tests.
type problem struct {
	language string
	tests    []test
}

// test is one test: a program's input and output, or a call.
type test struct {
	stdin, stdout string
	call          string // name of the function; "" is a test by input and output
	args          []json.RawMessage
	want          json.RawMessage
	tolerance     float64 // of floats, relative above 1; 0 is exact
}

var (
	errNoTests = errors.New("no tests")
	errChecker = errors.New("the outputs are judged by a program")
)

// info is verification_info, in the shapes data sets have it.
type info struct {
	Language  string            `json:"language"`
	Cases     []testCase        `json:"test_cases"`
	Inputs    []json.RawMessage `json:"inputs"` // and outputs, side by side
	Outputs   []json.RawMessage `json:"outputs"`
	Function  string            `json:"fn_name"`
	Tolerance float64           `json:"tolerance"`
	Checker   any               `json:"checker"`
}

type testCase struct {
	Input     json.RawMessage `json:"input"`
	Output    json.RawMessage `json:"output"`
	Type      string          `json:"type"`
	Function  string          `json:"fn_name"`
	Tolerance *float64        `json:"tolerance"`
}

func readProblem(it reward.Item, language string) (problem, error) {
	raw := it.Row["verification_info"]
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" { // data sets store it as text
		raw = json.RawMessage(text)
	}
	var in info
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return problem{}, errNoTests
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return problem{}, fmt.Errorf("verification_info: %w", err)
	}
	if in.Checker != nil && in.Checker != "" && in.Checker != false {
		return problem{}, errChecker
	}
	if len(in.Cases) == 0 && len(in.Inputs) > 0 {
		if len(in.Inputs) != len(in.Outputs) {
			return problem{}, errors.New("as many outputs as inputs are expected")
		}
		for i := range in.Inputs {
			in.Cases = append(in.Cases, testCase{Input: in.Inputs[i], Output: in.Outputs[i]})
		}
	}
	if len(in.Cases) == 0 {
		return problem{}, errNoTests
	}
	p := problem{language: "python"}
	for _, name := range []string{language, in.Language, it.Language} {
		if name != "" {
			p.language = plainLanguage(name)
			break
		}
	}
	for i, c := range in.Cases {
		t, err := c.read(in)
		if err != nil {
			return problem{}, fmt.Errorf("test %d: %w", i, err)
		}
		p.tests = append(p.tests, t)
	}
	return p, nil
}

func (c testCase) read(in info) (t test, err error) {
	if t.tolerance = in.Tolerance; c.Tolerance != nil {
		t.tolerance = *c.Tolerance
	}
	if len(c.Output) == 0 || t.tolerance < 0 {
		return t, errors.New("an output is missing, or a tolerance is below 0")
	}
	function := c.Function
	if function == "" {
		function = in.Function
	}
	switch kind := c.Type; {
	case kind == "stdin_stdout", kind == "" && function == "":
		if t.stdin, err = lines(c.Input); err == nil {
			t.stdout, err = lines(c.Output)
		}
		return t, err
	case kind == "function_call", kind == "":
	default:
		return t, fmt.Errorf("type %q is not known", kind)
	}
	if function == "" {
		return t, errors.New("a call without fn_name")
	}
	t.call = function
	return t, t.readCall(c)
}

// readCall reads the arguments and the result of a call. A list is the
// arguments, and the output is the result as it stands; a text holds JSON, one
// argument a line, and so does its output.
func (t *test) readCall(c testCase) error {
	if json.Unmarshal(c.Input, &t.args) == nil && t.args != nil {
		t.want = c.Output
		return nil
	}
	var text, output string
	if json.Unmarshal(c.Input, &text) != nil {
		return errors.New("arguments are a list, or a text with a JSON value a line")
	}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if line = strings.TrimSpace(line); !json.Valid([]byte(line)) {
			return errors.New("an argument is no JSON")
		}
		t.args = append(t.args, json.RawMessage(line))
	}
	t.want = c.Output
	if json.Unmarshal(c.Output, &output) == nil {
		if output = strings.TrimSpace(output); !json.Valid([]byte(output)) {
			return errors.New("a result is no JSON")
		}
		t.want = json.RawMessage(output)
	}
	return nil
}

// lines is a text, or a list of its lines; a number stands for itself.
func lines(raw json.RawMessage) (string, error) {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		out := make([]string, len(list))
		for i, one := range list {
			line, err := lines(one)
			if err != nil {
				return "", err
			}
			out[i] = line
		}
		return strings.Join(out, "\n"), nil
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String(), nil
	}
	return "", errors.New("expected a text or a list of lines")
}

// plainLanguage is the one name of a language.
func plainLanguage(name string) string {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "py", "python3", "py3":
		return "python"
	case "c++", "cc", "cxx", "c++17", "cplusplus":
		return "cpp"
	}
	return name
}
