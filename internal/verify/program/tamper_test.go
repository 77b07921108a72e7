package program_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/sandbox"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

type ctx = context.Context

// The tests ask for numbers that a program can only find by computing them.
const (
	hiddenRuns  = `{"test_cases":[{"input":"12 345","output":"8675309\n"},{"input":"3","output":"24601\n"}]}`
	hiddenCalls = `{"fn_name":"f","test_cases":[{"input":[12],"output":8675309},{"input":[3],"output":24601}]}`
)

// No program that tampers with the judging is rewarded.
func TestTamperingIsNotRewarded(t *testing.T) {
	j := judge(t, program.Options{Runner: runner(t), Time: time.Second})
	for name, code := range map[string]string{
		"leave at once":                `import os; os._exit(0)`,
		"leave politely":               `import sys; sys.exit(0)`,
		"claim success":                `print("PASSED"); print("OK"); print('{"passed": true}'); print(1.0)`,
		"read the tests":               `import os` + "\n" + `for d, _, fs in os.walk("/w"):` + "\n" + `  for f in fs: print(open(os.path.join(d, f), errors="replace").read())`,
		"read everything":              "import os\nfor d, _, fs in os.walk('/'):\n  for f in fs:\n    p = os.path.join(d, f)\n    if p.startswith(('/usr', '/dev', '/lib')): continue\n    print(p)",
		"print at the end":             "import atexit\natexit.register(print, '8675309')\natexit.register(print, '24601')",
		"all answers at once":          "for i in range(1000): print(i)",
		"flood":                        "while True: print('8675309')",
		"equal to all":                 "class A:\n  def __eq__(self, o): return True\n  def __str__(self): return ''\nprint(A())",
		"replace print":                "import builtins\nbuiltins.print = lambda *a, **k: None\nprint('8675309')",
		"close the output":             "import os\nos.close(1)",
		"write to the wrong output":    "import sys\nsys.stderr.write('8675309\\n')",
		"leave the answer to a daemon": "import os, time\nif os.fork() == 0:\n  time.sleep(30); print('x')",
		"kill the group":               "import os\nos.killpg(0, 9)",
		"kill all":                     "import os\nos.kill(-1, 9)",
		"kill the parent":              "import os\nfor s in range(1, 65):\n  try: os.kill(os.getppid(), s)\n  except OSError: pass",
		"trace":                        "import sys\nsys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)",
		"a module of the library":      "open('/w/json.py', 'w').write('print(1); raise SystemExit')\nimport json",
		"the input as the output":      "import sys; sys.stdout.write(sys.stdin.read())",
		"an empty output":              "",
		"signal":                       "import signal, os\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nos.kill(os.getpid(), signal.SIGSEGV)",
	} {
		if code == "" {
			code = "pass"
		}
		mustFail(t, j, name, code, hiddenRuns)
	}
	const f = "\ndef f(x): return None\n"
	for name, code := range map[string]string{
		"leave at once":            "import os; os._exit(0)",
		"leave in the call":        "import os\ndef f(x): os._exit(0)",
		"equal to all":             "class A(int):\n  def __eq__(self, o): return True\n  def __hash__(self): return 0\n  def __repr__(self): return '8675309 or 24601'\ndef f(x): return A()",
		"no JSON":                  "def f(x): return object()",
		"not a number":             "def f(x): return float('nan')",
		"replace json":             "import json\njson.dumps = lambda *a, **k: '{\"passed\": true}'" + f,
		"replace write":            "import os\nw = os.write\nos.write = lambda fd, b: w(fd, b'passed\\n') and len(b)" + f,
		"replace fork":             "import os\nos.fork = lambda: 0" + f,
		"replace the judge's name": "import __main__, sys\nfor n in list(vars(__main__)): setattr(__main__, n, print)\nsys.modules.clear()" + f,
		"trace":                    "import sys\ndef t(frame, event, arg):\n  frame.f_locals.clear(); return t\nsys.settrace(t)" + f,
		"read the frames":          "import sys, gc\nfound = repr([fr.f_locals for fr in [sys._getframe(i) for i in range(3)]]) + repr(gc.get_objects())[:1000000]\ndef f(x): return 8675309 if '8675309' in found.replace(open('/w/main.py').read(), '').split('8675309 if')[-1] else 0",
		"many guesses": "import sys, os, json\nfr = sys._getframe(1)\nmark = fr.f_locals['job']['mark']; out = fr.f_locals['results']\n" +
			"for call in (0, 1):\n  for guess in (24601, 8675309): os.write(out, json.dumps({'mark': mark, 'call': call, 'value': guess}).encode() + b'\\n')\nos._exit(0)",
		"many guesses, the same one first": "import sys, os, json\nfr = sys._getframe(1)\nmark = fr.f_locals['job']['mark']; out = fr.f_locals['results']\n" +
			"for guess in (24601, 8675309) * 2:\n  for call in (0, 1): os.write(out, json.dumps({'mark': mark, 'call': call, 'value': guess}).encode() + b'\\n')" + f,
		"forge without the mark": "import os\nfor fd in range(3, 20):\n  for call in (0, 1):\n    try: os.write(fd, b'{\"mark\": \"\", \"call\": %d, \"value\": [8675309, 24601]}\\n' % call)\n    except OSError: pass" + f,
		"kill the harness":       "import os\ndef f(x): os.kill(os.getppid(), 9)",
		"never return":           "import signal\ndef f(x):\n  signal.signal(signal.SIGALRM, signal.SIG_IGN)\n  while True: pass",
		"an endless value":       "def f(x):\n  a = []; a.append(a); return a",
		"a huge value":           "def f(x): return 'x' * (1 << 26)",
		"print instead":          "def f(x): print(8675309); print(24601)",
		"annotate":               "f = type('F', (), {'__call__': lambda self, x: self, '__json__': lambda self: 8675309})()",
		"the argument":           "def f(x): return x",
		"not there":              "g = 1",
		"syntax":                 "def f(x) return 1",
		"a name of a module":     "import sys\nsys.modules['json'] = None\nsys.modules['os'] = None" + f,
	} {
		mustFail(t, j, "call: "+name, code, hiddenCalls)
	}
}

func mustFail(t *testing.T, j *program.Judge, name, code, info string) {
	t.Helper()
	it := item(t, "python", code, info)
	for _, p := range j.Programs(t.Context(), []reward.Item{it}, reward.ProgramOptions{BatchSize: -1}) {
		if p.State != reward.ProgramRan || strings.Trim(points(p), "0 ") != "" {
			t.Errorf("%s: %s %s %s", name, p.State, points(p), p.Reason)
		}
	}
	if v := j.Verdict(t.Context(), it); v.Label != r1.Wrong {
		t.Errorf("%s: %+v", name, v)
	}
}

// spy looks at what goes into the sandbox.
type spy struct {
	program.Runner
	t *testing.T
}

// The expected outputs never enter the sandbox.
func TestExpectedOutputsStayOutside(t *testing.T) {
	j := judge(t, program.Options{Runner: &spy{runner(t), t}})
	for _, info := range []string{hiddenRuns, hiddenCalls} {
		j.Verdict(t.Context(), item(t, "python", "def f(x): return x\nprint(1)", info))
	}
}

func (s *spy) Run(c ctx, spec sandbox.Spec) sandbox.Result {
	inside := fmt.Sprintf("%q %q %q", spec.Args, spec.Stdin, spec.Files)
	for _, hidden := range []string{"8675309", "24601"} {
		if strings.Contains(inside, hidden) {
			s.t.Errorf("an expected output is in the sandbox: %s", inside)
		}
	}
	return s.Runner.Run(c, spec)
}
