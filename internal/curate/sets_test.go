package curate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func groups(sizes map[string]int) []string {
	var rows []string
	for _, domain := range []string{"code", "logic", "math"} {
		for i := range sizes[domain] {
			rows = append(rows, fmt.Sprintf(`{"id":"%s%03d","domain":"%s","prompt":"%s %d"}`, domain, i, domain, domain, i))
		}
	}
	return rows
}

func TestMix(t *testing.T) {
	sizes := map[string]int{"code": 30, "logic": 10, "math": 100}
	for name, c := range map[string]struct {
		step string
		want string // rows by domain
		err  string
	}{
		"as many as the scarcest allows": {`"weights":{"math":0.5,"code":0.25}`, "code 30 logic 0 math 60", ""},
		"at most so many":                {`"weights":{"math":2,"code":1,"logic":1},"rows":21`, "code 5 logic 5 math 11", ""},
		"thirds":                         {`"weights":{"math":1,"code":1,"logic":1},"rows":20`, "code 7 logic 7 math 6", ""},
		"targets":                        {`"targets":{"math":12,"code":3}`, "code 3 logic 0 math 12", ""},
		"a target too high":              {`"targets":{"math":120,"code":3,"law":1}`, "", "law has 0 of 1, math has 100 of 120"},
		"too high, allowed":              {`"targets":{"math":120,"code":3,"law":1},"short":"allow"`, "code 3 logic 0 math 100", ""},
		"a group without rows":           {`"weights":{"math":1,"law":1}`, "", "law has no rows"},
		"fractions":                      {`"fractions":{"math":0.255,"code":0}`, "code 0 logic 10 math 25", ""},
		"by source":                      {`"by":"source","targets":{"in":7}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			mixed := func(seed int64) (result, error) {
				return run(t, Job{Params: steps(`{"do":"mix",` + c.step + `}`), Seed: seed, Inputs: map[string]Source{"in": lines(groups(sizes)...)}})
			}
			res, err := mixed(1)
			if c.err != "" {
				wantError(t, err, "mix-short", c.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(res.rows) != 7 {
					t.Errorf("%d rows", len(res.rows))
				}
				return
			}
			count := map[string]int{}
			for _, row := range res.rows {
				count[row["domain"].(string)]++
			}
			if got := fmt.Sprintf("code %d logic %d math %d", count["code"], count["logic"], count["math"]); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if !slices.IsSorted(res.ids()) {
				t.Error("rows changed their order")
			}
			if other, _ := mixed(2); len(res.rows) < 140 && !strings.Contains(c.want, "math 100") && slices.Equal(other.ids(), res.ids()) {
				t.Error("another seed took the same rows")
			}
		})
	}
}

// What MinHash estimates is near what it estimates.
func TestSimilarityIsEstimated(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, size := range []int{40, 400, 4000} {
		for _, share := range []float64{0.5, 0.8, 0.95} { // of a set that the other has, too
			a, b := newSignature(), newSignature()
			both := int(float64(size) * share)
			for i := range 2*size - both {
				h := rnd.Uint64()
				if i < size {
					a.add(h)
				}
				if i >= size-both {
					b.add(h)
				}
			}
			a.fill()
			b.fill()
			jaccard := float64(both) / float64(2*size-both)
			if got := a.similarity(b); got < jaccard-0.2 || got > jaccard+0.2 {
				t.Errorf("%d, similarity %.2f is taken for %.2f", size, jaccard, got)
			}
		}
	}
}

func TestNearDedup(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	text := func() []string {
		words := make([]string, 300)
		for i := range words {
			words[i] = fmt.Sprint("w", rnd.IntN(100000))
		}
		return words
	}
	var rows []string
	var want []string
	add := func(id string, words []string) {
		rows = append(rows, fmt.Sprintf(`{"id":%q,"prompt":%q}`, id, strings.Join(words, " ")))
	}
	for i := range 5000 { // more than a block of keys
		words := text()
		add(fmt.Sprintf("%04d", i), words)
		if i%500 == 0 {
			words[rnd.IntN(300)] = "changed"
			add(fmt.Sprintf("%04d-near", i), words)
			want = append(want, fmt.Sprintf("%04d-near near-dedup near-duplicate", i))
			for j := 0; j < 300; j += 4 {
				words[j] = "other"
			}
			add(fmt.Sprintf("%04d-far", i), words)
		}
	}
	rows = append(rows, `{"id":"none","prompt":"..."}`, `{"id":"none2","prompt":"!!"}`, `{"id":"short","prompt":"one two"}`, `{"id":"short2","prompt":"One, two"}`)
	want = append(want, "short2 near-dedup near-duplicate")
	for _, workers := range []int{1, 3} {
		res, err := run(t, Job{Params: steps(`{"do":"near-dedup"}`), Inputs: map[string]Source{"in": lines(rows...)}, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.dropped(); !slices.Equal(got, want) {
			t.Errorf("dropped %q, want %q", got, want)
		}
	}
}
