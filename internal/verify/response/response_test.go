package response_test

import (
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

func TestSplit(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want response.Parts
	}{
		"no tag":               {"so 7", response.Parts{Reply: "so 7"}},
		"thinking and reply":   {"<think>a</think>7", response.Parts{Thinking: "a", Reply: "7", Thinks: true}},
		"opened by the prompt": {"a</think>7", response.Parts{Thinking: "a", Reply: "7", Thinks: true}},
		"never closed":         {"<think>a 7", response.Parts{Thinking: "a 7", Thinks: true, Unfinished: true}},
		"opened again":         {"<think>a</think>7<think>b", response.Parts{Thinking: "a</think>7<think>b", Thinks: true, Unfinished: true}},
		"thinks twice":         {"<think>a</think>6<think>b</think>7", response.Parts{Thinking: "a</think>6<think>b", Reply: "7", Thinks: true}},
		"closed at the start":  {"</think>7", response.Parts{Reply: "7", Thinks: true}},
		"empty":                {"", response.Parts{}},
	} {
		if got := response.Split(c.text); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestLastBlock(t *testing.T) {
	for text, want := range map[string]string{
		"<answer>6</answer> <answer>7</answer>": "7", "<answer>6</answer> <answer>7": "6", "</answer><answer>7": "", "7": "",
	} {
		if got, ok := response.LastBlock(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, ok, want)
		}
	}
}

func TestBoxes(t *testing.T) {
	cases := map[string]struct {
		text, last string
		count      int
		stray, cut bool
	}{
		"nested braces":     {`\boxed{\frac{1}{2}}`, `\frac{1}{2}`, 1, false, false},
		"escaped braces":    {`\boxed{\{1,2\}}`, `\{1,2\}`, 1, false, false},
		"escaped unbalance": {`\boxed{\}}`, `\}`, 1, false, false},
		"box in a box":      {`\boxed{a \boxed{7}}`, `a \boxed{7}`, 1, false, false},
		"in other braces":   {`{\text{\boxed{7}}}`, `7`, 1, false, false},
		"never closed":      {`\boxed{7`, ``, 0, true, true},
		"closed in an open": {`\boxed{ \boxed{7}`, `7`, 1, true, true},
		"space before":      {`\boxed {7}`, `7`, 1, false, false},
		"without braces":    {`\boxed 7`, ``, 0, true, false},
		"stray closers":     {`}}} \boxed{7}}}`, `7`, 1, false, false},
		"two":               {`\boxed{6}\boxed{7}`, `7`, 2, false, false},
		"cut after a box":   {`\boxed{6} and \boxed{7`, `6`, 1, true, true},
		"cut before braces": {`it is \boxed`, ``, 0, true, true},
		"escaped backslash": {`\\boxed{7}`, ``, 0, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := response.ScanBoxes(c.text); got != (response.Boxes{Last: c.last, Count: c.count, Stray: c.stray, Cut: c.cut}) {
				t.Errorf("%q: got %+v", c.text, got)
			}
		})
	}
}
