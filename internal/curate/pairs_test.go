package curate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func essay(id string, n, words int) string {
	return sampled(id, n, fmt.Sprintf("<think>t%d</think>%s", n, strings.Repeat("word ", words)), r1.Unverified, map[string]any{"verifier": "none", "gold": nil, "domain": "general"})
}

func TestPairsAreAskedInBothOrders(t *testing.T) {
	res := questions(t, `{"do":"compare-pairs"}`, essay("a", 0, 3), essay("b", 0, 3), essay("a", 1, 4), essay("a", 2, 5), essay("b", 1, 3), essay("c", 0, 1))
	if len(res.rows) != 2 || res.rows[0]["id"] != "a" || res.rows[1]["id"] != "a" {
		t.Fatalf("%v", res.rows)
	}
	one, two := res.rows[0], res.rows[1]
	if one["first"] != two["second"] || one["second"] != two["first"] || one["first"] == one["second"] || one["response"] != nil || strings.Contains(one["first"].(string), "think") {
		t.Errorf("asked is\n%v\n%v", one, two)
	}
	dropped := fmt.Sprint(res.dropped())
	if !strings.Contains(dropped, "a compare-pairs not-in-pair") || strings.Count(dropped, "b compare-pairs same") != 2 || !strings.Contains(dropped, "c compare-pairs alone") {
		t.Error(dropped)
	}
}

func TestPairsBetweenSources(t *testing.T) {
	res, err := run(t, Job{Params: steps(`{"do":"compare-pairs","between":"sources"}`), Seed: 1, Inputs: map[string]Source{
		"direct": lines(essay("a", 0, 3), essay("a", 1, 4), essay("b", 0, 3), essay("b", 1, 4)), "thought": lines(essay("a", 0, 9)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.TrimSpace(strings.Repeat("word ", 9))
	if len(res.rows) != 2 || (res.rows[0]["first"] != long && res.rows[0]["second"] != long) {
		t.Errorf("%v", res.rows)
	}
	if got := fmt.Sprint(res.dropped()); got != "[a compare-pairs not-in-pair b compare-pairs alone b compare-pairs alone]" {
		t.Error(got)
	}
}

// judge answers both questions of each pair: score says how much better the longer
// response is, by prompt and order of the judgement; NaN-like texts are given as they are.
func judge(t *testing.T, rows []map[string]any, answer func(id string, longFirst bool, n int) string, times int) []string {
	t.Helper()
	var out []string
	for _, row := range rows {
		for n := range times {
			longFirst := len(row["first"].(string)) > len(row["second"].(string))
			out = append(out, answered(row, n, answer(row["id"].(string), longFirst, n)))
		}
	}
	return out
}

func better(long bool, by string) string {
	if long {
		return `{"verdict":"A` + by + `B"}`
	}
	return `{"verdict":"B` + by + `A"}`
}

func TestPreferenceKeepsClearPairs(t *testing.T) {
	var samples []string
	for _, id := range []string{"clear", "scores", "bias", "tie", "close", "mumble", "shorter"} {
		samples = append(samples, essay(id, 0, 3), essay(id, 1, 30))
	}
	asked := questions(t, `{"do":"compare-pairs"}`, samples...).rows
	judgements := judge(t, asked, func(id string, longFirst bool, n int) string {
		switch id {
		case "clear":
			return better(longFirst, ">>")
		case "scores":
			return map[bool]string{true: `{"a": 9, "b": 5.5}`, false: `{"a": 5.5, "b": 9}`}[longFirst]
		case "bias":
			return `{"verdict":"A>>B"}`
		case "tie":
			return `{"verdict":"A=B"}`
		case "close":
			return better(longFirst, ">")
		case "mumble":
			return map[int]string{0: better(longFirst, ">>"), 1: "hard to say"}[n]
		}
		return better(!longFirst, ">>")
	}, 2)
	res := answers(t, []string{`{"do":"preference","balance":"none"}`}, judgements...)
	if got := fmt.Sprint(res.ids()); got != "[clear scores shorter]" {
		t.Fatal(got, res.dropped())
	}
	row := res.rows[0]
	if !strings.HasPrefix(row["chosen"].(string), "<think>t1</think>") || !strings.HasPrefix(row["rejected"].(string), "<think>t0</think>") || row["response"] != nil || row["pair"] != nil || row["verifier"] != "none" {
		t.Errorf("%v", row)
	}
	if got := fmt.Sprint(row["judged"]); got != "map[by:model:referee-7b mean:2 scores:[2 2 2 2]]" {
		t.Error(got)
	}
	if origin := row["origin"].(map[string]any); origin["chosen"].(map[string]any)["sample"] != 1.0 || origin["judge"].(map[string]any)["stage"] != "judge" {
		t.Errorf("origin %v", origin)
	}
	if got := fmt.Sprint(res.rows[2]["rejected"]); !strings.HasPrefix(got, "<think>t1</think>") {
		t.Errorf("the longer one is rejected: %s", got)
	}
	count := map[string]int{}
	for _, d := range res.drops {
		count[d.ID+" "+d.Reason]++
	}
	for want, n := range map[string]int{"bias position-bias": 4, "tie tie": 4, "close margin": 4, "mumble unparsable": 4, "clear merged": 3} {
		if count[want] != n {
			t.Errorf("%s: %d rows, want %d in %v", want, count[want], n, count)
		}
	}
	if few := answers(t, []string{`{"do":"preference","judgements":5}`}, judgements[:4]...); few.drops[0].Reason != "too-few" {
		t.Errorf("%v", few.drops)
	}
}

func TestPreferenceBalancesLengths(t *testing.T) {
	var samples []string
	for i := range 12 {
		id := fmt.Sprintf("p%02d", i)
		samples = append(samples, essay(id, 0, 10), essay(id, 1, 30))
	}
	asked := questions(t, `{"do":"compare-pairs"}`, samples...).rows
	longer := judge(t, asked, func(id string, longFirst bool, _ int) string { return better(longFirst == (id < "p09"), ">>") }, 2)
	res := answers(t, []string{`{"do":"preference"}`}, longer...)
	long := 0
	for _, row := range res.rows {
		if strings.HasPrefix(row["chosen"].(string), "<think>t1") {
			long++
		}
	}
	if long != 3 || len(res.rows) != 6 {
		t.Errorf("the longer one is chosen in %d of %d pairs, want 3 of 6", long, len(res.rows))
	}
}

func TestPreferenceTakesTheBetterOne(t *testing.T) {
	samples := []string{essay("helps", 0, 3), essay("helps", 1, 30), essay("hello", 0, 3), essay("hello", 1, 30)}
	asked := questions(t, `{"do":"compare-pairs"}`, samples...).rows
	judgements := judge(t, asked, func(id string, longFirst bool, _ int) string {
		if id == "helps" {
			return better(longFirst, ">>")
		}
		return `{"verdict":"A=B"}`
	}, 2)
	res := answers(t, []string{`{"do":"preference","make":"best","undecided":"shorter"}`}, judgements...)
	if len(res.rows) != 2 || res.rows[0]["sample"] != 1.0 || res.rows[1]["sample"] != 0.0 || !strings.HasPrefix(res.rows[0]["response"].(string), "<think>t1") {
		t.Errorf("%v", res.rows)
	}
}

// What comes out depends on rows and seed, not on how many are worked on at once;
// and nothing that a judge or a file says brings a curation down.
func TestJudgementsOnManyCores(t *testing.T) {
	var samples []string
	for i := range 300 {
		id := fmt.Sprintf("p%03d", i)
		for n := range 3 {
			samples = append(samples, essay(id, n, 5+(i*7+n*11)%40))
		}
	}
	var data [2][]byte
	for k, workers := range []int{1, 4} {
		job := Job{Params: steps(`{"do":"compare-pairs"}`), Inputs: map[string]Source{"samples": lines(samples...)}, Seed: 9, Workers: workers}
		asked, err := run(t, job)
		if err != nil {
			t.Fatal(err)
		}
		says := []string{`{"verdict":"A>>B"}`, `{"a":1e308,"b":-1e308}`, `{"a":3,"b":1}`, `{"verdict":null}`, "{{{{", `{"verdict":"B>>A"}`}
		judgements := judge(t, asked.rows, func(id string, longFirst bool, n int) string {
			if id < "p250" {
				return better(longFirst == (id < "p120"), ">>")
			}
			return says[(len(id)+int(id[3])+n)%len(says)]
		}, 2)
		damaged := strings.Replace(judgements[0], `"order":0`, `"order":7`, 1)
		job = Job{Params: steps(`{"do":"preference"}`), Inputs: map[string]Source{"answers": lines(append(judgements, damaged)...)}, Seed: 9, Workers: workers}
		res, err := run(t, job)
		if err != nil || len(res.rows) < 20 {
			t.Fatalf("%d rows: %v", len(res.rows), err)
		}
		data[k] = res.data
	}
	if string(data[0]) != string(data[1]) {
		t.Error("another number of workers gives other rows")
	}
}
