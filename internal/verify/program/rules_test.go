package program

import (
	"encoding/json"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

func TestExtract(t *testing.T) {
	const f = "```"
	for _, c := range []struct {
		name, text, language string
		everywhere           bool
		want                 string
		absent               bool
	}{
		{name: "one block", text: "so\n" + f + "python\nprint(1)\n" + f + "\n", want: "print(1)\n"},
		{name: "the last of the language", text: f + "python\na\n" + f + "\n" + f + "python\nb\n" + f + "\n" + f + "text\nc\n" + f, want: "b\n"},
		{name: "another name of the language", text: f + "py\na\n" + f, want: "a\n"},
		{name: "more words", text: f + "python title=x\na\n" + f, want: "a\n"},
		{name: "a word that begins like it", text: f + "python-repl\na\n" + f, absent: true},
		{name: "bare, the only one", text: f + "\na\n" + f, want: "a\n"},
		{name: "bare, one of two", text: f + "\na\n" + f + "\n" + f + "\nb\n" + f, absent: true},
		{name: "another language", text: f + "javascript\na\n" + f, absent: true},
		{name: "not closed", text: f + "python\na\n", absent: true},
		{name: "empty", text: f + "python\n\n" + f, absent: true},
		{name: "no fence", text: "print(1)", absent: true},
		{name: "inside a line", text: "use " + f + "python\na\n" + f, absent: true},
		{name: "longer fence around it", text: "````python\na = '''\n```\n'''\n````", want: "a = '''\n```\n'''\n"},
		{name: "in the thinking", text: "<think>\n" + f + "python\na\n" + f + "\n</think>\nno", absent: true},
		{name: "in the thinking, upstream's way", text: "<think>\n" + f + "python\na\n" + f + "\n</think>\nno", everywhere: true, want: "a\n"},
		{name: "behind the thinking", text: "<think>\n" + f + "python\na\n" + f + "\n</think>\n" + f + "python\nb\n" + f, want: "b\n"},
		{name: "thinking without an end", text: "<think>\n" + f + "python\na\n" + f, absent: true},
		{name: "C++", language: "cpp", text: f + "c++\nint main(){}\n" + f, want: "int main(){}\n"},
		{name: "windows", text: f + "python\r\na\r\n" + f + "\r\n", want: "a\r\n"},
	} {
		if c.language == "" {
			c.language = "python"
		}
		got, ok := extract(c.text, c.language, c.everywhere)
		if ok == c.absent || got != c.want {
			t.Errorf("%s: %q %v, expected %q", c.name, got, ok, c.want)
		}
	}
}

func TestOutputs(t *testing.T) {
	for _, c := range []struct {
		name, got, want string
		tolerance       float64
		same, prefix    bool
	}{
		{name: "equal", got: "1\n2\n", want: "1\n2\n", same: true, prefix: true},
		{name: "space at the ends of lines", got: "1 \r\n2\t\n\n\n", want: "1\n2", same: true, prefix: true},
		{name: "a correct prefix", got: "1\n", want: "1\n2\n", prefix: true},
		{name: "more than expected", got: "1\n2\n3", want: "1\n2\n", prefix: true},
		{name: "nothing", got: "", want: "1"},
		{name: "nothing expected", got: "", want: "\n", same: true, prefix: true},
		{name: "an empty line inside", got: "1\n\n2", want: "1\n2"},
		{name: "space inside a line", got: "1  2", want: "1 2"},
		{name: "space before a line", got: " 1", want: "1", prefix: true},
		{name: "another float", got: "0.3333333", want: "0.3333334"},
		{name: "another float, tolerated", got: "x 0.3333333", want: "x 0.3333334", tolerance: 1e-6, same: true},
		{name: "another float, not tolerated", got: "0.334", want: "0.333", tolerance: 1e-6},
		{name: "relative for large numbers", got: "1000000.5", want: "1000000", tolerance: 1e-6, same: true},
		{name: "not a number", got: "nan", want: "1", tolerance: 1},
		{name: "case", got: "YES", want: "Yes"},
		{name: "1.0 is not 1", got: "1.0", want: "1"},
	} {
		if got := sameOutput(c.got, c.want, c.tolerance); got != c.same {
			t.Errorf("%s: same is %v", c.name, got)
		}
		if got := samePrefix(c.got, c.want); c.tolerance == 0 && got != c.prefix {
			t.Errorf("%s: by upstream's rule %v", c.name, got)
		}
	}
}

func TestResults(t *testing.T) {
	for _, c := range []struct {
		got, want string
		tolerance float64
		same      bool
	}{
		{got: `1`, want: `1`, same: true},
		{got: `1`, want: `1.0`, same: true},
		{got: `1`, want: `2`},
		{got: `1`, want: `"1"`},
		{got: `true`, want: `1`},
		{got: `null`, want: `null`, same: true},
		{got: `null`, want: `[]`},
		{got: `[1,[2,"a"]]`, want: `[1, [2, "a"]]`, same: true},
		{got: `[1,2]`, want: `[1,2,3]`},
		{got: `[2,1]`, want: `[1,2]`},
		{got: `{"a":1}`, want: `{"a":1}`, same: true},
		{got: `{"a":1,"b":2}`, want: `{"a":1}`},
		{got: `5`, want: `[5]`, same: true}, // wrapped, as APPS has it
		{got: `[5]`, want: `5`},
		{got: `123456789012345678901234567890`, want: `123456789012345678901234567890`, same: true},
		{got: `123456789012345678901234567890`, want: `123456789012345678901234567891`},
		{got: `0.30000000000000004`, want: `0.3`},
		{got: `0.30000000000000004`, want: `0.3`, tolerance: 1e-9, same: true},
		{got: `"a" garbage`, want: `"b"`},
		{got: ``, want: `null`},
	} {
		if got := sameResult(json.RawMessage(c.got), json.RawMessage(c.want), c.tolerance); got != c.same {
			t.Errorf("%s against %s: %v", c.got, c.want, got)
		}
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, info, language string
		tests                int
		err                  string // "" is none
	}{
		{name: "open-r1", info: `{"language":"python","test_cases":[{"input":"1\n","output":"2\n","type":"stdin_stdout"}]}`, tests: 1},
		{name: "as text", info: `"{\"language\":\"c++\",\"test_cases\":[{\"input\":\"1\",\"output\":\"2\"}]}"`, tests: 1, language: "cpp"},
		{name: "a call with a list", info: `{"test_cases":[{"fn_name":"f","type":"function_call","input":[1,[2]],"output":3}]}`, tests: 1},
		{name: "a call with a text", info: `{"fn_name":"f","test_cases":[{"input":"[1]\n2","output":"3"}]}`, tests: 1},
		{name: "side by side", info: `{"inputs":["1","2"],"outputs":["1","2"]}`, tests: 2},
		{name: "lines", info: `{"inputs":[["1","2"]],"outputs":[3]}`, tests: 1},
		{name: "none", info: `{"test_cases":[]}`, err: "no tests"},
		{name: "null", info: `null`, err: "no tests"},
		{name: "an output is missing", info: `{"test_cases":[{"input":"1"}]}`, err: "malformed"},
		{name: "another type", info: `{"test_cases":[{"input":"1","output":"2","type":"unittest"}]}`, err: "malformed"},
		{name: "a call of nothing", info: `{"test_cases":[{"input":[1],"output":"2","type":"function_call"}]}`, err: "malformed"},
		{name: "outputs are missing", info: `{"inputs":["1","2"],"outputs":["1"]}`, err: "malformed"},
		{name: "a checker", info: `{"checker":"print(1)","test_cases":[{"input":"1","output":"2"}]}`, err: "checker"},
		{name: "no object", info: `[1]`, err: "malformed"},
	} {
		p, err := readProblem(reward.Item{Row: map[string]json.RawMessage{"verification_info": json.RawMessage(c.info)}}, "")
		kind := ""
		switch {
		case err == errNoTests:
			kind = "no tests"
		case err == errChecker:
			kind = "checker"
		case err != nil:
			kind = "malformed"
		}
		if kind != c.err || len(p.tests) != c.tests && err == nil {
			t.Errorf("%s: %d tests, %v", c.name, len(p.tests), err)
		}
		if c.language == "" {
			c.language = "python"
		}
		if err == nil && p.language != c.language {
			t.Errorf("%s: language %s", c.name, p.language)
		}
	}
}

func TestPatch(t *testing.T) {
	for from, to := range map[string]string{
		"from collections import Iterable":          "from collections.abc import Iterable",
		"from collections import deque":             "from collections import deque",
		"from collections import Mapping, Set\n":    "from collections.abc import Mapping, Set\n",
		"from fractions import gcd":                 "from math import gcd",
		"import fractions\nprint(fractions.gcd(4))": "import fractions\nprint(__import__('math').gcd(4))",
		"isinstance(x, collections.Iterable)":       "isinstance(x, __import__('collections.abc').abc.Iterable)",
		"print(1)":                                  "print(1)",
	} {
		if got := patch(from, "python"); got != to {
			t.Errorf("%q became %q", from, got)
		}
	}
	if got := patch("int main(){}", "cpp"); got != "#include <bits/stdc++.h>\nusing namespace std;\nint main(){}" {
		t.Errorf("C++ became %q", got)
	}
}
