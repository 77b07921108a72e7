package program_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/sandbox"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// The judge is what rewards ask for.
var _ interface {
	Programs(ctx ctx, items []reward.Item, how reward.ProgramOptions) []reward.Program
} = (*program.Judge)(nil)

func runner(t testing.TB) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(t.Context(), sandbox.Options{})
	if err != nil {
		lacking.Skip(t, "no sandbox works on this machine: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

func judge(t testing.TB, o program.Options) *program.Judge {
	t.Helper()
	j, err := program.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// item is a response with a program, and the tests of its problem.
func item(t testing.TB, language, code, info string) reward.Item {
	t.Helper()
	row, err := json.Marshal(map[string]any{
		"completion":        fmt.Sprintf("<think>\nhm\n</think>\nHere:\n```%s\n%s\n```\n", language, code),
		"verification_info": json.RawMessage(info),
	})
	if err != nil {
		t.Fatal(err)
	}
	it, err := reward.ParseRow(row)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

const (
	sumTests  = `{"language":"python","test_cases":[{"input":"1 2","output":"3\n","type":"stdin_stdout"},{"input":"5 6","output":"11\n","type":"stdin_stdout"}]}`
	callTests = `{"test_cases":[{"fn_name":"f","type":"function_call","input":[1,2],"output":3},{"fn_name":"f","type":"function_call","input":[5,6],"output":11}]}`
	cppTests  = `{"language":"cpp","test_cases":[{"input":"1 2","output":"3\n"},{"input":"5 6","output":"11\n"}]}`
)

func TestVerdicts(t *testing.T) {
	s := runner(t)
	j := judge(t, program.Options{Runner: s, Time: 2 * time.Second})
	for _, c := range []struct {
		name, language, code, info string
		label                      r1.Label
		reason                     string
	}{
		{name: "right", language: "python", code: "print(sum(map(int, input().split())))", info: sumTests, label: r1.Correct},
		{name: "right for one", language: "python", code: "print(3)", info: sumTests, label: r1.Wrong, reason: "test-failed"},
		{name: "a prefix", language: "python", code: "pass", info: sumTests, label: r1.Wrong, reason: "test-failed"},
		{name: "right, and fails", language: "python", code: "print(sum(map(int, input().split())))\nraise SystemExit(1)", info: sumTests, label: r1.Wrong, reason: "test-failed"},
		{name: "never ends", language: "python", code: "while True: pass", info: sumTests, label: r1.Wrong, reason: "test-failed"},
		{name: "syntax", language: "python", code: "print(", info: sumTests, label: r1.Wrong, reason: "test-failed"},
		{name: "no program", language: "text", code: "x", info: sumTests, label: r1.Wrong, reason: "no-answer"},
		{name: "no tests", language: "python", code: "x", info: `{"test_cases":[]}`, label: r1.Unverified, reason: "no-tests"},
		{name: "tests of another kind", language: "python", code: "x", info: `{"test_cases":[{"type":"x","output":"1"}]}`, label: r1.Unverified, reason: "tests-malformed"},
		{name: "another language", language: "rust", code: "x", info: `{"language":"rust","test_cases":[{"input":"1","output":"1"}]}`, label: r1.Unverified, reason: "language-unsupported"},
		{name: "call", language: "python", code: "def f(a, b): return a + b", info: callTests, label: r1.Correct},
		{name: "call that prints", language: "python", code: "print('x')\ndef f(a, b):\n  print('y'); return a + b", info: callTests, label: r1.Correct},
		{name: "call of a method", language: "python", code: "class Solution:\n  def f(self, a: int, b: Optional[int]) -> List[int]: return a + b", info: callTests, label: r1.Correct},
		{name: "call, wrong", language: "python", code: "def f(a, b): return a - b", info: callTests, label: r1.Wrong, reason: "test-failed"},
		{name: "call that is not there", language: "python", code: "def g(a, b): return a + b", info: callTests, label: r1.Wrong, reason: "test-failed"},
		{name: "call that gives nothing", language: "python", code: "def f(x): pass", info: `{"fn_name":"f","test_cases":[{"input":[1],"output":null}]}`, label: r1.Correct},
		{name: "call with large results", language: "python", code: "def f(x): return 'x' * 3_000_000",
			info: fmt.Sprintf(`{"fn_name":"f","test_cases":[{"input":[1],"output":%[1]q},{"input":[2],"output":%[1]q}]}`, strings.Repeat("x", 3_000_000)), label: r1.Correct},
		{name: "large output", language: "python", code: "print('x' * 6_000_000)",
			info: fmt.Sprintf(`{"test_cases":[{"input":"","output":%q}]}`, strings.Repeat("x", 6_000_000)), label: r1.Correct},
		{name: "C++ with a huge binary", language: "cpp", code: "int a[8000000] = {1};\nint main(){return a[0] - 1;}", info: cppTests, label: r1.Wrong, reason: "not-compiled"},
		{name: "C++", language: "cpp", code: "#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a+b;}", info: cppTests, label: r1.Correct},
		{name: "C++, wrong", language: "cpp", code: "#include <iostream>\nint main(){std::cout<<3;}", info: cppTests, label: r1.Wrong, reason: "test-failed"},
		{name: "C++ that does not compile", language: "cpp", code: "int main(){", info: cppTests, label: r1.Wrong, reason: "not-compiled"},
		{name: "C++ that reads the host", language: "cpp", code: "#include \"/etc/passwd\"\nint main(){}", info: cppTests, label: r1.Wrong, reason: "not-compiled"},
		{name: "tolerance", language: "python", code: "print(1/3)", info: `{"tolerance":1e-6,"test_cases":[{"input":"","output":"0.33333334"}]}`, label: r1.Correct},
		{name: "no tolerance", language: "python", code: "print(1/3)", info: `{"test_cases":[{"input":"","output":"0.33333334"}]}`, label: r1.Wrong, reason: "test-failed"},
	} {
		if c.language == "cpp" && s.Compiler() == "" {
			c.label, c.reason = r1.Unverified, "language-unsupported"
		}
		v := j.Verdict(t.Context(), item(t, c.language, c.code, c.info))
		if v.Label != c.label || v.Reason != c.reason || v.Verifier != program.Version {
			t.Errorf("%s: %+v, expected %s %s", c.name, v, c.label, c.reason)
		}
	}
}

// A timeout fails its test, not the others; upstream's rule fails them all.
func TestProgramsTestByTest(t *testing.T) {
	j := judge(t, program.Options{Runner: runner(t), Time: time.Second})
	info := `{"test_cases":[{"input":"1","output":"1"},{"input":"loop","output":"2"},{"input":"3","output":"3\n4"},{"input":"5","output":"5"}]}`
	stdin := item(t, "python", "x = input()\nwhile x == 'loop': pass\nprint(x)", info)
	calls := item(t, "python", "def f(x):\n  while x == 2: pass\n  if x == 4: import os; os._exit(0)\n  return x",
		`{"fn_name":"f","test_cases":[{"input":[1],"output":1},{"input":[2],"output":2},{"input":[3],"output":4},{"input":[4],"output":4},{"input":[5],"output":5}]}`)
	for _, c := range []struct {
		name string
		it   reward.Item
		how  reward.ProgramOptions
		want string
	}{
		{"one after the other", stdin, reward.ProgramOptions{BatchSize: 1}, "1 0 0 1"},
		{"all at once", stdin, reward.ProgramOptions{BatchSize: -1}, "1 0 0 1"},
		{"stop early", stdin, reward.ProgramOptions{BatchSize: 1, StopEarly: true}, "1 0"},
		{"upstream's rules", stdin, reward.ProgramOptions{BatchSize: -1, Prefix: true}, "0 0 0 0"},
		{"calls", calls, reward.ProgramOptions{BatchSize: -1}, "1 0 0 0 1"},
		{"calls, stop early", calls, reward.ProgramOptions{StopEarly: true}, "1 0"},
	} {
		got := j.Programs(t.Context(), []reward.Item{c.it}, c.how)[0]
		if got.State != reward.ProgramRan || points(got) != c.want {
			t.Errorf("%s: %s %s (%s), expected %s", c.name, got.State, points(got), got.Reason, c.want)
		}
	}
	prefix := item(t, "python", "print(3)", `{"test_cases":[{"input":"","output":"3\n4"}]}`)
	if got := j.Programs(t.Context(), []reward.Item{prefix}, reward.ProgramOptions{Prefix: true})[0]; points(got) != "1" {
		t.Errorf("a prefix, by upstream's rule: %s", points(got))
	}
	patched := item(t, "python", "from fractions import gcd\nprint(gcd(4, 6))", `{"test_cases":[{"input":"","output":"2"}]}`)
	for patch, want := range map[bool]string{false: "0", true: "1"} {
		if got := j.Programs(t.Context(), []reward.Item{patched}, reward.ProgramOptions{Patch: patch})[0]; points(got) != want {
			t.Errorf("patch %v: %s", patch, points(got))
		}
	}
}

func points(p reward.Program) string {
	out := make([]string, len(p.Tests))
	for i, test := range p.Tests {
		if out[i] = fmt.Sprint(test.Points); test.Fault {
			out[i] = "fault"
		}
	}
	return strings.Join(out, " ")
}

// broken is a sandbox in trouble after some runs.
type broken struct {
	*sandbox.Sandbox
	good int
}

func (b *broken) Run(c ctx, spec sandbox.Spec) sandbox.Result {
	if b.good--; b.good >= 0 {
		return b.Sandbox.Run(c, spec)
	}
	return sandbox.Result{Status: sandbox.Fault, Err: fmt.Errorf("out of order")}
}

// Trouble of the sandbox is never a wrong answer, unless a test failed for sure.
func TestTroubleIsUnverified(t *testing.T) {
	s := runner(t)
	right := "print(sum(map(int, input().split())))"
	for _, c := range []struct {
		name, code, info string
		good             int
		verdict          r1.Label
		reason           string
		tests            string
	}{
		{name: "all", code: right, info: sumTests, verdict: r1.Unverified, reason: "sandbox-fault", tests: "fault fault"},
		{name: "one", code: right, info: sumTests, good: 1, verdict: r1.Unverified, reason: "sandbox-fault", tests: "1 fault"},
		{name: "behind a failure", code: "print(4)", info: sumTests, good: 1, verdict: r1.Wrong, reason: "test-failed", tests: "0 fault"},
		{name: "calls", code: "def f(a, b): return a + b", info: callTests, verdict: r1.Unverified, reason: "sandbox-fault", tests: "fault fault"},
	} {
		it := item(t, "python", c.code, c.info)
		got := judge(t, program.Options{Runner: &broken{s, c.good}}).Programs(t.Context(), []reward.Item{it}, reward.ProgramOptions{BatchSize: 1})[0]
		if points(got) != c.tests || got.Reason != "sandbox-fault" {
			t.Errorf("%s: %s (%s)", c.name, points(got), got.Reason)
		}
		one := &serial{broken{s, c.good}}
		if v := judge(t, program.Options{Runner: one}).Verdict(t.Context(), it); v.Label != c.verdict || v.Reason != c.reason {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	nothing := judge(t, program.Options{})
	if v := nothing.Verdict(t.Context(), item(t, "python", right, sumTests)); v.Label != r1.Unverified || v.Reason != "sandbox-unavailable" {
		t.Errorf("without a sandbox: %+v", v)
	}
}

// serial runs one program at a time, so that it is clear which comes first.
type serial struct{ broken }

func (*serial) Parallel() int { return 1 }

func TestManyItemsKeepTheirOrder(t *testing.T) {
	j := judge(t, program.Options{Runner: runner(t)})
	var items []reward.Item
	for i := range 20 {
		items = append(items, item(t, "python", fmt.Sprintf("print(%d)", i), `{"test_cases":[{"input":"","output":"7"}]}`))
	}
	for i, p := range j.Programs(t.Context(), items, reward.ProgramOptions{BatchSize: -1}) {
		if want := map[bool]string{true: "1", false: "0"}[i == 7]; points(p) != want {
			t.Errorf("item %d: %s", i, points(p))
		}
	}
}
