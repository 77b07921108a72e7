package curate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The accounts by domain are those of the rows that are written, whatever steps there
// are, and whether rows wait in files on the way.
func TestTheFunnelByDomainAddsUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	labels := []r1.Label{r1.Correct, r1.Wrong, r1.Unverified}
	rows := []string{"not json"}
	for i := range 400 {
		rows = append(rows, sampled(fmt.Sprint(random.IntN(60)), i, good, labels[random.IntN(3)],
			map[string]any{"domain": fmt.Sprintf("d%d", random.IntN(4)), "tokens": random.IntN(50)}))
	}
	for _, list := range [][]string{
		{},
		{`{"do":"correct"}`},
		{`{"do":"dedup","by":["prompt"]}`, `{"do":"correct"}`, `{"do":"shuffle"}`},
		{`{"do":"select","per_prompt":3}`, `{"do":"cap","by_domain":{"d1":5,"d2":1000,"none":2}}`, `{"do":"correct"}`, `{"do":"cap","rows":20}`},
	} {
		for _, workers := range []int{1, 4} {
			res, err := run(t, Job{Params: steps(list...), Inputs: map[string]Source{"in": lines(rows...)}, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if why := res.funnel.Problem(); why != "" {
				t.Errorf("%v: %s", list, why)
			}
			kept, tokens, dropped := map[string]int{}, map[string]int64{}, map[string]int{}
			for _, row := range res.rows {
				kept[row["domain"].(string)]++
				tokens[row["domain"].(string)] += int64(row["tokens"].(float64))
			}
			for _, d := range res.drops {
				dropped[d.Domain]++
			}
			for _, d := range res.funnel.Domains {
				lost := 0
				for _, c := range d.Dropped {
					lost += c.Rows
				}
				if d.Kept != kept[d.Name] || d.TokensKept != tokens[d.Name] || lost != dropped[d.Name] {
					t.Errorf("%v, %d workers: %+v, and there are %d rows with %d tokens, and %d were dropped", list, workers, d, kept[d.Name], tokens[d.Name], dropped[d.Name])
				}
			}
			if dropped[""] != 0 || len(res.bad) != 1 {
				t.Errorf("%d rows without a domain were dropped, and %d are in quarantine, want the malformed one", dropped[""], len(res.bad))
			}
		}
	}
}

func TestWhatFallsShortIsSaid(t *testing.T) {
	var rows []string
	for i := range 10 {
		rows = append(rows, sampled(fmt.Sprint(i), 0, good, r1.Correct, map[string]any{"domain": []string{"math", "code"}[i%2]}))
	}
	for step, want := range map[string]string{
		`{"do":"cap","by_domain":{"math":3,"code":7,"logic":1},"rows":20}`: "[{cap:code 7 5} {cap:logic 1 0} {cap:rows 20 8}]",
		`{"do":"cap","rows":10}`:                                     "[]",
		`{"do":"mix","targets":{"math":9,"code":2},"short":"allow"}`: "[{mix:math 9 5}]",
	} {
		res, err := run(t, Job{Params: steps(step), Inputs: map[string]Source{"in": lines(rows...)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(res.funnel.Short); got != want {
			t.Errorf("%s: short %s, want %s", step, got, want)
		}
	}
}

func TestMostVerified(t *testing.T) {
	verdict := func(label r1.Label, tier int) r1.Verdict {
		return r1.Verdict{Label: label, Verifier: "math/1", Tier: tier}
	}
	candidates := []map[string]any{ // the best last
		{"verdict": verdict(r1.Wrong, 0), "tokens": 1},
		{"verdict": verdict(r1.Correct, 0), "audit": verdict(r1.Wrong, 2), "tokens": 1},
		{"verdict": verdict(r1.Correct, 2), "tokens": 1},
		{"verdict": verdict(r1.Correct, 1), "tokens": 1},
		{"verdict": verdict(r1.Correct, 0), "tokens": 9},
		{"verdict": verdict(r1.Correct, 0), "tokens": 4},
		{"verdict": verdict(r1.Correct, 0), "audit": verdict(r1.Correct, 2), "tokens": 9},
	}
	for n := 1; n <= len(candidates); n++ {
		var rows []string
		for i, extra := range candidates[:n] {
			rows = append(rows, sampled("a", i, good, r1.Correct, extra))
		}
		res, err := run(t, Job{Params: steps(`{"do":"select","choose":"most-verified"}`), Inputs: map[string]Source{"in": lines(rows...)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.rows[0]["sample"]; len(res.rows) != 1 || got != float64(n-1) {
			t.Errorf("of the first %d: kept %v", n, got)
		}
	}
}
