package reward

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var batchSize = Param{
	Name: "test_batch_size", Aliases: []string{"code_eval_test_batch_size"}, Type: Whole, Default: int64(1), Least: least(-1),
	Want: "a whole number from 1, or -1 for all", Doc: "tests run at once; -1 is all",
}

func checkBatch(p Params) []Problem {
	if p.whole(batchSize.Name) == 0 {
		return []Problem{{Param: batchSize.Name, Text: "expected " + batchSize.Want + ", found the number 0"}}
	}
	return nil
}

var programDifferences = []Difference{
	{"outputs are compared up to the shorter one: a correct prefix passes", "the whole output counts", "a program that stops early is wrong"},
	{"one test that runs out of time fails the whole sample", "it fails that test", "the others passed"},
	{"trouble of the sandbox is 0, or nothing, by provider", "unknown", "an outage would train the policy as if the code were wrong"},
}

func code() *Definition {
	return &Definition{
		Name: "code", Version: 1,
		Doc:     "share of the tests that the program passes",
		Formula: "passed/tests of the last program in the response, run against `verification_info.test_cases`; no program 0; no tests, or trouble of the sandbox, unknown",
		Range:   "0 to 1", Source: "open-r1 `code`", Params: []Param{compat()}, Upstream: programDifferences,
		options: func(p Params, _ Item) ProgramOptions { return ProgramOptions{Prefix: p.openR1(), BatchSize: -1} },
		program: func(p Params, _ Item, run Program) Value { return passed(p, run) },
	}
}

func binaryCode() *Definition {
	return &Definition{
		Name: "binary_code", Version: 1,
		Doc:     "the program passes all tests: 1 or 0",
		Formula: "1 if `code` is above 0.99, else 0; unknown where `code` is",
		Range:   "0 or 1", Source: "open-r1 `binary_code`", Params: []Param{compat()}, Upstream: programDifferences,
		options: func(p Params, _ Item) ProgramOptions { return ProgramOptions{Prefix: p.openR1(), BatchSize: -1} },
		program: func(p Params, _ Item, run Program) Value {
			v := passed(p, run)
			switch {
			case v.Known:
				return truth(v.Reward > 0.99)
			case failed(run):
				return known(0)
			}
			return v
		},
	}
}

// passed is the share of tests passed. A test that the sandbox could not run
// leaves it unknown; upstream fails the sample.
func passed(p Params, run Program) Value {
	switch run.State {
	case ProgramRan:
	case ProgramAbsent, ProgramNotCompiled:
		return known(0)
	case ProgramUntested:
		return unknown(ReasonNoTests)
	default:
		if p.openR1() {
			return known(0)
		}
		return unknown(run.Reason)
	}
	if len(run.Tests) == 0 {
		return unknown(ReasonNoTests)
	}
	n := 0
	for _, t := range run.Tests {
		if t.Fault {
			if p.openR1() {
				return known(0)
			}
			return unknown(run.Reason)
		}
		if t.Points >= 1 {
			n++
		}
	}
	return known(float64(n) / float64(len(run.Tests)))
}

// failed says that a test failed for sure, so that no other can save the program.
func failed(run Program) bool {
	return run.State == ProgramRan && slices.ContainsFunc(run.Tests, func(t Test) bool { return !t.Fault && t.Points < 1 })
}

// withoutFaults makes trouble of the sandbox a failed test.
func withoutFaults(tests []Test) []Test {
	out := slices.Clone(tests)
	for i, t := range out {
		if t.Fault {
			out[i] = Test{}
		}
	}
	return out
}

func ioiCode() *Definition {
	return &Definition{
		Name: "ioi_code", Version: 1,
		Doc:     "score of the program in an IOI subtask",
		Formula: "the smallest points of a test (0 to 1), rounded to the row's `score_precision` (2); no program, or one that does not compile, 0; no tests, or trouble of the sandbox, unknown",
		Range:   "0 to 1", Source: "open-r1 `ioi_code`",
		Params: []Param{batchSize, compat()},
		Upstream: []Difference{
			{"test_batch_size −1, \"all at once\", runs no test and gives 0", "it runs them all", "as documented"},
			{"trouble of the sandbox counts as a failed test", "unknown", "an outage would train the policy as if the code were wrong"},
		},
		check: checkBatch,
		options: func(p Params, _ Item) ProgramOptions {
			return ProgramOptions{Language: "cpp", BatchSize: int(p.whole(batchSize.Name)), StopEarly: true}
		},
		program: func(p Params, it Item, run Program) Value {
			switch {
			case p.openR1() && p.whole(batchSize.Name) == -1:
				return known(0)
			case run.State == ProgramAbsent || run.State == ProgramNotCompiled:
				return known(0)
			case run.State == ProgramUnverified && p.openR1():
				return known(0)
			case run.State == ProgramUnverified:
				return unknown(run.Reason)
			case run.State == ProgramUntested || len(run.Tests) == 0:
				return unknown(ReasonNoTests)
			}
			least, fault := 1.0, false
			for _, t := range run.Tests {
				if t.Fault && p.openR1() {
					return known(0)
				}
				if fault = fault || t.Fault; !t.Fault {
					least = min(least, t.Points)
				}
			}
			if fault && least > 0 { // a test failed for sure decides it, whatever the others say
				return unknown(run.Reason)
			}
			return known(rounded(least, precision(it)))
		},
	}
}

// precision is the number of digits of a subtask's score.
func precision(it Item) int {
	const usual, most = 2, 15
	var n int
	if json.Unmarshal(it.Row["score_precision"], &n) != nil || n < 0 || n > most {
		return usual
	}
	return n
}

// rounded rounds the exact binary value, halves to even, as Python's round does.
func rounded(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64)
	if err != nil {
		return math.NaN()
	}
	return r
}

// The scoring modes of cf_code.
const (
	modePassFail    = "pass_fail"
	modePartial     = "partial"
	modeWeightedSum = "weighted_sum"
)

func cfCode() *Definition {
	return &Definition{
		Name: "cf_code", Version: 1,
		Doc:     "score of the program in a Codeforces problem",
		Formula: "`pass_fail` 1 if all tests pass, else 0; `partial` passed/tests; `weighted_sum` pass_fail + 0.1·passed/tests. No program −1, one that does not compile −0.1; no tests, or trouble of the sandbox, unknown",
		Range:   "−1 to 1.1 (`weighted_sum`)", Source: "open-r1 `cf_code`",
		Params: []Param{
			batchSize,
			{Name: "scoring_mode", Aliases: []string{"code_eval_scoring_mode"}, Type: Text, Choices: []string{modePassFail, modePartial, modeWeightedSum}, Default: modeWeightedSum, Doc: "how tests become a number"},
			{Name: "patch_code", Type: Flag, Default: false, Doc: "repair imports that newer languages have dropped"},
			compat(),
		},
		Upstream: []Difference{{"trouble of the sandbox counts as a failed test", "unknown", "an outage would train the policy as if the code were wrong"}},
		check:    checkBatch,
		options: func(p Params, _ Item) ProgramOptions {
			return ProgramOptions{
				BatchSize: int(p.whole(batchSize.Name)), Patch: p.flag("patch_code"), StopEarly: p.text("scoring_mode") == modePassFail,
			}
		},
		program: func(p Params, _ Item, run Program) Value {
			switch run.State {
			case ProgramAbsent:
				return known(-1)
			case ProgramNotCompiled:
				return known(-0.1)
			}
			if p.openR1() {
				run.Tests = withoutFaults(run.Tests)
			}
			share := passed(p, run)
			switch {
			case p.text("scoring_mode") == modePassFail && failed(run):
				return known(0)
			case !share.Known || p.text("scoring_mode") == modePartial:
				return share
			}
			all := 0.0
			if share.Reward == 1 {
				all = 1
			}
			if p.text("scoring_mode") == modePassFail {
				return known(all)
			}
			return known(all + 0.1*share.Reward)
		},
	}
}

func codeFormat() *Definition {
	// These are upstream's choices.
	languages := []string{"python", "javascript", "r", "java", "bash", "cpp"}
	return &Definition{
		Name: "code_format", Version: 1,
		Doc:     "the response has the shape of `format`, with a program in the answer: 1 or 0",
		Formula: "1 if `format` (style answer) is, and the answer holds a fenced block of the language that is not empty; the row's `language` goes before the parameter",
		Range:   "0 or 1", Source: "open-r1 `code_format`",
		Params: []Param{
			{Name: "language", Aliases: []string{"code_language"}, Type: Text, Choices: languages, Default: "python", Doc: "of the fenced block"},
			prefilled(), compat(),
		},
		Upstream: []Difference{
			{"all that `format` lets through", "as in `format`", "as there"},
			{"the fence need only start with the language: a block of javascript is one of java", "the fence's word is the language", "it is another language"},
			{"a fence anywhere in a line counts, and an empty block", "a block starts its line and holds text", "it is no block otherwise"},
		},
		text: func(p Params, it Item) Value {
			lang := p.text("language")
			if it.Language != "" {
				lang = it.Language
			}
			if p.openR1() {
				rule, err := regexp.Compile("(?ms)\\A<think>\\n.*?\\n</think>\\n<answer>\\n.*?```" + regexp.QuoteMeta(lang) + ".*?```.*?\\n</answer>$")
				if err != nil {
					return unknown(ReasonFault)
				}
				return truth(rule.MatchString(read(p, it)))
			}
			reply, ok := formatted(StyleAnswer, read(p, it))
			return truth(ok && fenced(reply, lang))
		},
	}
}

// fenced says whether a text has a closed, filled fenced block of a language.
func fenced(text, language string) bool {
	var open, filled, wanted bool
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		info, isFence := strings.CutPrefix(line, "```")
		switch {
		case !isFence:
			filled = filled || line != ""
		case open && info == "":
			if wanted && filled {
				return true
			}
			open = false
		default: // a block begins, whether or not the one before was closed
			word, _, _ := strings.Cut(strings.TrimSpace(info), " ")
			open, filled, wanted = true, false, plainLanguage(word) == plainLanguage(language)
		}
	}
	return false
}

// plainLanguage is the one name of a language of programs.
func plainLanguage(name string) string {
	switch name = strings.ToLower(name); name {
	case "py", "python3":
		return "python"
	case "js":
		return "javascript"
	case "c++":
		return "cpp"
	case "sh":
		return "bash"
	}
	return name
}
