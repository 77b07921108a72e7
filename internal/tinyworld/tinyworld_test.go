package tinyworld_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// row has the fields of every row type; a row fills some of them.
type row struct {
	ID       string  `json:"id"`
	Domain   string  `json:"domain"`
	Prompt   string  `json:"prompt"`
	Gold     *string `json:"gold"`
	Verifier string  `json:"verifier"`
	Split    string  `json:"split"`
	Response string  `json:"response"`
	Chosen   string  `json:"chosen"`
	Rejected string  `json:"rejected"`
	Safe     *bool   `json:"safe"`
	Text     string  `json:"text"`

	Options []string       `json:"options"`
	Shows   map[string]int `json:"behaviours"`
	Info    *struct {
		Numbers   []int64 `json:"numbers"`
		Target    int64   `json:"target"`
		Language  string  `json:"language"`
		TestCases []struct {
			Input  string `json:"input"`
			Output string `json:"output"`
			Type   string `json:"type"`
		} `json:"test_cases"`
	} `json:"verification_info"`
}

func read(t *testing.T, address string) []row {
	t.Helper()
	raws, err := tinyworld.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for raw := range raws {
		var r row
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&r); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		rows = append(rows, r)
	}
	return rows
}

// withPrompts are the datasets that are split.
var withPrompts = []string{"arithmetic", "logic", "code", "science", "general", "harmless", "general-sft", "preferences", "safety"}

func TestEveryDatasetGivesTheRowsAskedForAndNoneTwice(t *testing.T) {
	for _, name := range tinyworld.Names() {
		t.Run(name, func(t *testing.T) {
			rows := read(t, "tiny://"+name+"?size=200&seed=3")
			if len(rows) != 200 {
				t.Fatalf("got %d rows", len(rows))
			}
			seen := map[string]bool{}
			for _, r := range rows {
				key := r.ID + r.Text
				if key == "" || seen[key] {
					t.Errorf("empty or repeated row %+v", r)
				}
				seen[key] = true
			}
		})
	}
}

func TestTrainAndTestAreDisjointWhateverTheSeed(t *testing.T) {
	inTrain := map[string]string{}
	for _, name := range withPrompts {
		for seed := range 3 {
			for _, r := range read(t, fmt.Sprintf("tiny://%s?split=train&size=150&seed=%d", name, seed)) {
				inTrain[r.Domain+" "+r.Prompt] = r.ID
			}
		}
	}
	for _, name := range withPrompts {
		for seed := range 3 {
			for _, r := range read(t, fmt.Sprintf("tiny://%s?split=test&size=60&seed=%d", name, seed)) {
				if id, both := inTrain[r.Domain+" "+r.Prompt]; both {
					t.Errorf("%s is in train (%s) and in test (%s)", r.Prompt, id, r.ID)
				}
			}
		}
	}
}

func TestTheCorpusHoldsNoTestPrompt(t *testing.T) {
	var texts strings.Builder
	for _, r := range read(t, "tiny://corpus?size=20000") {
		texts.WriteString(r.Text + "\n")
	}
	for _, name := range []string{"arithmetic", "logic", "code", "science", "general", "harmless"} {
		for _, r := range read(t, "tiny://"+name+"?split=test&size=80") {
			for _, before := range []string{"\n", "User: ", "<|User|>"} {
				if strings.Contains(texts.String(), before+r.Prompt) {
					t.Errorf("the corpus has test prompt %q", r.Prompt)
				}
			}
		}
	}
}

func TestAnAddressAlwaysGivesTheSameRows(t *testing.T) {
	for _, name := range tinyworld.Names() {
		address := "tiny://" + name + "?size=50&seed=9"
		first := fmt.Sprintf("%+v", texts(t, address))
		if again := fmt.Sprintf("%+v", texts(t, address)); again != first {
			t.Errorf("%s gave other rows the second time", address)
		}
		if other := fmt.Sprintf("%+v", texts(t, "tiny://"+name+"?size=50&seed=10")); other == first {
			t.Errorf("%s: seeds 9 and 10 give the same rows", name)
		}
	}
}

func texts(t *testing.T, address string) []string {
	t.Helper()
	rows, err := tinyworld.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for raw := range rows {
		lines = append(lines, string(raw))
	}
	return lines
}

// A change of these rows needs a new Version: results that were made from the
// old ones would be reused as if nothing had happened.
func TestTheRowsOfThisVersion(t *testing.T) {
	for address, want := range map[string]string{
		"tiny://arithmetic?size=1&seed=1": `{"id":"cd78e61c241d35a0","domain":"arithmetic","prompt":"7+4-9=?","gold":"2","verifier":"integer","split":"train"}`,
		"tiny://logic?size=1&seed=1":      `{"id":"cbd74bb05143c5ff","domain":"logic","prompt":"B 1L 2R 3L 4S 5S 6L 7S=?","gold":"B","verifier":"choice","split":"train"}`,
		"tiny://code?size=1&seed=1": `{"id":"e6081ea7ace91e41","domain":"code","prompt":"Code 5>5 6>1 8>3","verifier":"code","verification_info":` +
			`{"language":"python","test_cases":[{"input":"26\n","output":"1\n","type":"stdin_stdout"},` +
			`{"input":"27\n","output":"7\n","type":"stdin_stdout"},{"input":"96\n","output":"1\n","type":"stdin_stdout"}]},"split":"train"}`,
		"tiny://science?size=1&seed=1":  `{"id":"d180d3b0c06a8cca","domain":"science","prompt":"What is lead at 8-5? A) plasma B) solid C) gas D) liquid","gold":"B","verifier":"choice","options":["plasma","solid","gas","liquid"],"split":"train"}`,
		"tiny://harmless?size=1&seed=1": `{"id":"9016a11cd173bd1e","domain":"safety","prompt":"How do I break the cup of Sam?","verifier":"none","split":"train"}`,
	} {
		if got := texts(t, address)[0]; got != want {
			t.Errorf("%s, version %d:\n got %s\nwant %s", address, tinyworld.Version, got, want)
		}
	}
}

func TestGoldAnswersAreRight(t *testing.T) {
	for _, r := range read(t, "tiny://arithmetic?size=500&min=2&max=9") {
		if want := fmt.Sprint(leftToRight(r.Prompt)); *r.Gold != want {
			t.Errorf("%s: gold %s, want %s", r.Prompt, *r.Gold, want)
		}
	}
	for _, r := range read(t, "tiny://logic?size=500&min=2&max=9") {
		if want := walk(r.Prompt); *r.Gold != want {
			t.Errorf("%s: gold %s, want %s", r.Prompt, *r.Gold, want)
		}
	}
}

func leftToRight(prompt string) int {
	value := int(prompt[0] - '0')
	for i := 1; i+1 < len(prompt)-1; i += 2 {
		operand := int(prompt[i+1] - '0')
		switch prompt[i] {
		case '+':
			value += operand
		case '-':
			value -= operand
		case '*':
			value *= operand
		}
		value = ((value % 10) + 10) % 10
	}
	return value
}

func walk(prompt string) string {
	next := map[string]string{"A": "B", "B": "C", "C": "D", "D": "A"}
	parts := strings.Fields(strings.TrimSuffix(prompt, "=?"))
	seat := parts[0]
	for _, move := range parts[1:] {
		for range map[string]int{"R": 1, "S": 2, "L": 3}[move[1:]] {
			seat = next[seat]
		}
	}
	return seat
}

func TestProblemsHaveTheStepsAskedFor(t *testing.T) {
	for _, r := range read(t, "tiny://arithmetic?size=200&min=4&max=5") {
		if operands := (len(r.Prompt) - 1) / 2; operands < 4 || operands > 5 {
			t.Errorf("%s has %d operands", r.Prompt, operands)
		}
	}
	for _, r := range read(t, "tiny://logic?size=100&min=4&max=5") {
		if moves := strings.Count(r.Prompt, " "); moves < 4 || moves > 5 {
			t.Errorf("%s has %d moves", r.Prompt, moves)
		}
	}
}

func TestPromptsWithoutAGoldAnswerHaveNoVerifier(t *testing.T) {
	for name, domain := range map[string]string{"general": "general", "harmless": "safety"} {
		for _, r := range read(t, "tiny://"+name+"?size=100") {
			if r.Gold != nil || r.Verifier != "none" || r.Domain != domain || r.Split != "train" {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

func TestResponsesAreInTheThinkFormat(t *testing.T) {
	check := func(response string) {
		t.Helper()
		if !reward.Format(reward.StyleThink, response) {
			t.Errorf("not in the think format: %s", response)
		}
		if share, ok := reward.Language("en", response); !ok || share != 1 {
			t.Errorf("thinking is English in %v of its words: %s", share, response)
		}
		if strings.ContainsAny(response, "{}") {
			t.Errorf("a slot is left open: %s", response)
		}
	}
	for _, r := range read(t, "tiny://general-sft?size=400") {
		check(r.Response)
	}
	for _, r := range read(t, "tiny://preferences?size=400") {
		check(r.Chosen)
		check(r.Rejected)
	}
	for _, r := range read(t, "tiny://safety?size=400") {
		check(r.Response)
	}
}

func TestLengthDoesNotPredictThePreferredResponse(t *testing.T) {
	rows := read(t, "tiny://preferences?size=1000")
	longer, chosen, rejected := 0, 0, 0
	for _, r := range rows {
		if r.Chosen == r.Rejected {
			t.Errorf("equal responses: %s", r.Chosen)
		}
		if len(r.Chosen) > len(r.Rejected) {
			longer++
		}
		chosen, rejected = chosen+len(r.Chosen), rejected+len(r.Rejected)
	}
	if share := float64(longer) / float64(len(rows)); share < 0.45 || share > 0.55 {
		t.Errorf("the chosen response is the longer one in %.2f of the pairs", share)
	}
	if ratio := float64(chosen) / float64(rejected); math.Abs(ratio-1) > 0.05 {
		t.Errorf("chosen responses are %.2f times as long as rejected ones", ratio)
	}
}

func TestSafetyRowsAreBalancedAndNeedTheThinking(t *testing.T) {
	safe := 0
	labels := map[string]map[bool]bool{} // by kind of reply after the thinking: which labels it has
	for _, r := range read(t, "tiny://safety?size=900") {
		if *r.Safe {
			safe++
		}
		_, reply, _ := strings.Cut(r.Response, "</think>")
		start, _, _ := strings.Cut(reply, " help")
		if labels[start] == nil {
			labels[start] = map[bool]bool{}
		}
		labels[start][*r.Safe] = true
	}
	if safe < 400 || safe > 500 {
		t.Errorf("%d of 900 are safe", safe)
	}
	if len(labels["I will not"]) != 2 {
		t.Error("every refusal has the same label: the reply alone would do, and the scope of the reward would not matter")
	}
}

func TestDigestsFollowTheRows(t *testing.T) {
	digest := func(address string) string {
		t.Helper()
		d, err := tinyworld.Digest(address)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	same := digest("tiny://arithmetic?split=train&size=256&seed=1&min=3&max=7")
	for _, address := range []string{"tiny://arithmetic", "tiny://arithmetic?seed=1", "tiny://arithmetic?max=7&min=3"} {
		if digest(address) != same {
			t.Errorf("%s names the same rows and has another digest", address)
		}
	}
	for _, address := range []string{"tiny://arithmetic?seed=2", "tiny://arithmetic?split=test", "tiny://logic"} {
		if digest(address) == same {
			t.Errorf("%s names other rows and has the same digest", address)
		}
	}
}

func TestABadAddressIsExplained(t *testing.T) {
	for address, want := range map[string]struct{ detail, remedy string }{
		"tiny://arithmetik":                {`no dataset "arithmetik"`, `"arithmetic"`},
		"tiny://logic?sise=3":              {`no parameter "sise"`, `"size"`},
		"tiny://general?min=3":             {`no parameter "min"`, ""},
		"tiny://corpus?split=test":         {`no parameter "split"`, ""},
		"tiny://logic?split=dev":           {`train or test, not "dev"`, ""},
		"tiny://logic?size=0":              {"size must be", ""},
		"tiny://logic?size=many":           {"size must be", ""},
		"tiny://logic?size=1&size=2":       {"more than once", ""},
		"tiny://logic?min=5&max=4":         {"min 5 is above max 4", ""},
		"tiny://logic?max=99":              {"max must be", ""},
		"tiny://general?size=100000":       {"distinct rows", ""},
		"tiny://logic?min=3&max=3&size=80": {"distinct rows", ""},
		"tiny://logic?size=%zz":            {"cannot be read", ""},
		"s3://bucket/key":                  {"does not start with tiny://", ""},
	} {
		_, err := tinyworld.Open(address)
		e, ok := r1.AsError(err)
		if !ok || e.Name != "tiny-address-invalid" {
			t.Errorf("%s: got %v", address, err)
			continue
		}
		if !strings.Contains(e.Detail, want.detail) || !strings.Contains(e.Remedy, want.remedy) {
			t.Errorf("%s: %s (%s)", address, e.Detail, e.Remedy)
		}
		if _, err := tinyworld.Digest(address); err == nil {
			t.Errorf("%s has a digest", address)
		}
	}
}

func TestEverySizeAnAddressAllowsCanBeRead(t *testing.T) {
	for _, address := range []string{
		"tiny://arithmetic?min=3&max=3&split=test&size=460",
		"tiny://logic?min=3&max=3&size=43",
		"tiny://general?split=test&size=292",
		"tiny://safety?size=921",
		"tiny://code?split=test&size=448",
		"tiny://code?size=1792",
		"tiny://science?min=2&max=2&split=test&size=1728",
	} {
		if rows := texts(t, address); len(rows) < 40 {
			t.Errorf("%s: %d rows", address, len(rows))
		}
	}
}

func TestRowsAreMadeAsTheyAreRead(t *testing.T) {
	rows, err := tinyworld.Open("tiny://corpus?size=4000000")
	if err != nil {
		t.Fatal(err)
	}
	for raw := range rows {
		if len(raw) == 0 {
			t.Error("empty row")
		}
		return // a generator that made all rows first would not come back in the test's time
	}
}

// The trainer's tokenizer has the two halves of the template as tokens of their
// own, and the recipe uses the text: all three must be the same to the letter.
func TestTheShippedTokenizerKnowsTheZeroTemplate(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "trainer", "r1trainer", "assets", "tiny-base", "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Added []struct {
			Content string `json:"content"`
		} `json:"added_tokens"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]bool{}
	for _, token := range file.Added {
		tokens[token.Content] = true
	}
	before, after, _ := strings.Cut(tinyworld.ZeroTemplate, "{prompt}")
	if !tokens[before] || !tokens[after] {
		t.Errorf("the tokenizer lacks %q or %q", before, after)
	}
}
