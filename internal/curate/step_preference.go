package curate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// preference makes preference rows (prompt, chosen, rejected) of a model's
// judgements on pairs that compare-pairs has made. Read is the last JSON object of
// a reply: "verdict" is one of "A>>B", "A>B", "A=B", "B>A", "B>>A" (2, 1, 0, -1, -2),
// where A was shown first; or "a" and "b" are scores, whose difference counts. A
// pair is kept where so many judgements can be read and their mean is beyond
// margin. The row says in judged what the judges said; its origin has those of
// both responses and of the judge.
//
// With balance "length", chosen responses are the longer ones as often as the
// shorter ones, among pairs whose lengths (of replies, in characters) differ as
// much: bounds 1.1, 1.25, 1.5, 2, 4 of the ratio. What is too many goes, at random
// by seed. With make "best" sft rows of the better responses come out instead; where
// no response is better, undecided "shorter" takes the shorter one.
//
// Reasons: "unparsable", "too-few" (judgements), "position-bias" (the judge prefers
// one response in one order, and the other in the other), "tie", "margin",
// "length"; "not-asked", "merged" (a further judgement of a pair).
//
// Memory: 12 bytes a row, about 150 a pair; rows wait in the spill file.
type preference struct {
	Margin     float64 `json:"margin"`
	Judgements int     `json:"judgements"`
	Balance    string  `json:"balance"`
	Make       string  `json:"make"`
	Undecided  string  `json:"undecided"`
}

func preferenceDef() StepDef {
	return StepDef{
		Name: "preference", Doc: "make preference rows of a model's judgements on pairs",
		Params: []Param{
			{Name: "margin", Type: "number", Default: 1.0},
			{Name: "judgements", Type: "integer", Default: 4},
			{Name: "balance", Type: "text", Default: "length", Allowed: []string{"length", "none"}},
			{Name: "make", Type: "text", Default: "pairs", Allowed: []string{"pairs", "best"}},
			{Name: "undecided", Type: "text", Default: "drop", Allowed: []string{"drop", "shorter"}},
		},
		decode: decodeInto(preference{Margin: 1, Judgements: 4, Balance: "length", Make: "pairs", Undecided: "drop"}),
	}
}

func (s preference) check() error {
	for _, c := range []struct {
		name, value string
		of          []string
	}{{"balance", s.Balance, []string{"length", "none"}}, {"make", s.Make, []string{"pairs", "best"}}, {"undecided", s.Undecided, []string{"drop", "shorter"}}} {
		if !slices.Contains(c.of, c.value) {
			return fmt.Errorf("%s %q is none of %v", c.name, c.value, c.of)
		}
	}
	switch {
	case s.Margin < 0:
		return errors.New("margin must not be negative")
	case s.Judgements < 1:
		return errors.New("judgements must be at least 1")
	case s.Make == "pairs" && s.Undecided != "drop":
		return errors.New("undecided shorter goes with make best")
	}
	return nil
}

func (preference) needs() []string { return []string{"response"} }

func (s preference) start(_ context.Context, env env) (any, error) {
	return &preferences{params: s, random: env.random, numbers: map[[16]byte]int32{}}, nil
}

type preferences struct {
	params  preference
	random  func(seq int64) uint64
	numbers map[[16]byte]int32 // of a pair
	pairs   []judgedPair
	rows    []int32 // pair of each row; -1: none
	kept    []int32 // pairs that are kept, in order
}

type judgedPair struct {
	first   int32 // its first row
	asked   int32
	rank    uint64
	scores  []float32 // above 0 for the first response of the pair
	byOrder [2]float64
	longer  float64 // log of the ratio of the lengths of the first and the second response
}

// mean is that of the scores.
func (p *judgedPair) mean() float64 {
	sum := 0.0
	for _, s := range p.scores {
		sum += float64(s)
	}
	return sum / float64(len(p.scores))
}

// readPair is the pair that a judgement is about.
func (r *row) readPair() (p pair, ok bool) {
	value, ok := r.get("pair")
	if !ok || json.Unmarshal(value, &p) != nil || p.Key == "" || p.Order&^1 != 0 {
		return p, false
	}
	for _, b := range p.Responses {
		var probe row
		for name, v := range b {
			if !slices.Contains(carried(), name) || string(v) != "null" && !probe.put(name, v) {
				return p, false
			}
		}
		if b.text("response") == "" {
			return p, false
		}
	}
	return p, true
}

// judgement reads how much better the response shown first is.
func (r *row) judgement() (score float64, ok bool) {
	fields, ok := r.lastObject()
	if !ok {
		return 0, false
	}
	if c := choice(fields, "verdict", "A>>B", "A>B", "A=B", "B>A", "B>>A"); c >= 0 {
		return float64(2 - c), true
	}
	var a, b *float64
	if json.Unmarshal(fields["a"], &a) != nil || json.Unmarshal(fields["b"], &b) != nil || a == nil || b == nil {
		return 0, false
	}
	return *a - *b, math.Abs(*a) <= mostScore && math.Abs(*b) <= mostScore
}

// mostScore bounds what is taken for a score.
const mostScore = 1e6

// note is the pair, and what the judgement says in favour of its first response.
func (p *preferences) note(r *row) []byte {
	asked, ok := r.readPair()
	if !ok {
		return nil
	}
	sum := sha256.Sum256([]byte(r.id + "\n" + asked.Key))
	score, readable := r.judgement()
	if asked.Order == 1 {
		score = -score
	}
	if !readable {
		score = math.NaN()
	}
	out := append(sum[:16], byte(asked.Order))
	out = binary.LittleEndian.AppendUint64(out, math.Float64bits(score))
	return binary.LittleEndian.AppendUint64(out, math.Float64bits(math.Log(asked.length(0)/asked.length(1))))
}

// length is that of a reply, in characters.
func (p *pair) length(i int) float64 {
	reply := strings.TrimSpace((&row{tmp: &scratch{}}).split(p.Responses[i].text("response")).Reply)
	return float64(max(1, utf8.RuneCountInString(reply)))
}

func (p *preferences) see(seq int64, note []byte) error {
	if len(note) == 0 {
		p.rows = append(p.rows, -1)
		return nil
	}
	key := [16]byte(note[:16])
	n, ok := p.numbers[key]
	if !ok {
		n = int32(len(p.pairs))
		p.numbers[key] = n
		p.pairs = append(p.pairs, judgedPair{
			first: int32(len(p.rows)), rank: p.random(seq),
			longer: math.Float64frombits(binary.LittleEndian.Uint64(note[25:])),
		})
	}
	of := &p.pairs[n]
	of.asked++
	if score := math.Float64frombits(binary.LittleEndian.Uint64(note[17:])); !math.IsNaN(score) {
		of.scores = append(of.scores, float32(score))
		of.byOrder[note[16]] += score
	}
	p.rows = append(p.rows, n)
	return nil
}

// why a pair is dropped, or is without a better response.
func (p *preferences) why(of *judgedPair) string {
	switch n := len(of.scores); {
	case n < p.params.Judgements && int(of.asked) >= p.params.Judgements:
		return "unparsable"
	case n < p.params.Judgements:
		return "too-few"
	case of.byOrder[0]*of.byOrder[1] < 0:
		return "position-bias"
	case of.mean() == 0:
		return "tie"
	case math.Abs(of.mean()) <= p.params.Margin:
		return "margin"
	}
	return ""
}

func (p *preferences) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	reasons := make([]string, len(p.pairs))
	for n := range p.pairs {
		reasons[n] = p.why(&p.pairs[n])
		if p.params.Undecided == "shorter" && slices.Contains([]string{"position-bias", "tie", "margin"}, reasons[n]) {
			p.pairs[n].scores, reasons[n] = nil, ""
		}
	}
	if p.params.Balance == "length" && p.params.Make == "pairs" {
		p.balance(reasons)
	}
	for n := range p.pairs {
		if reasons[n] == "" {
			p.kept = append(p.kept, int32(n))
		}
	}
	return inMemory(func(i int) string {
		n := p.rows[i]
		switch {
		case n < 0:
			return "not-asked"
		case int(p.pairs[n].first) != i && reasons[n] == "":
			return "merged"
		}
		return reasons[n]
	}, nil)
}

// balance drops pairs until longer responses are chosen as often as shorter ones,
// in each class of the ratio of lengths.
func (p *preferences) balance(reasons []string) {
	classes := map[int][2][]int{} // by class: where the longer, and where the shorter one is chosen
	for n := range p.pairs {
		chosen := p.pairs[n].longer
		if reasons[n] != "" {
			continue
		}
		if p.pairs[n].mean() < 0 {
			chosen = -chosen
		}
		class, side := 0, 0
		for _, bound := range []float64{1.1, 1.25, 1.5, 2, 4} {
			if math.Abs(chosen) > math.Log(bound) {
				class++
			}
		}
		if chosen < 0 {
			side = 1
		}
		if chosen != 0 {
			both := classes[class]
			both[side] = append(both[side], n)
			classes[class] = both
		}
	}
	for _, both := range classes {
		for side, list := range both {
			slices.SortFunc(list, func(a, b int) int {
				if p.pairs[a].rank < p.pairs[b].rank {
					return -1
				}
				return 1
			})
			for _, n := range list[min(len(list), len(both[1-side])):] {
				reasons[n] = "length"
			}
		}
	}
}

func (p *preferences) groups() []int { return ones(len(p.kept)) }

func (p *preferences) join(n int, rows []*row) {
	r, of := rows[0], &p.pairs[p.kept[n]]
	asked, _ := r.readPair()
	better := 0
	switch {
	case of.scores != nil && of.mean() < 0, of.scores == nil && of.longer > 0:
		better = 1
	}
	judge := r.value("origin")
	judged := map[string]any{"by": "model:" + r.answeredBy()}
	if of.scores != nil {
		scores := make([]float64, len(of.scores))
		for i, s := range of.scores {
			scores[i] = float64(s) * float64(1-2*better) // in favour of the one chosen
		}
		judged["scores"], judged["mean"] = scores, math.Abs(of.mean())
	}
	chosen, rejected := asked.Responses[better], asked.Responses[1-better]
	if p.params.Make == "best" {
		chosen["verifier"] = asked.Verifier
		r.restore(chosen)
		r.origin["judge"] = judge
		r.set("origin", r.origin)
	} else {
		r.restore(before{"verifier": asked.Verifier})
		r.set("chosen", chosen.text("response"))
		r.set("rejected", rejected.text("response"))
		r.set("origin", map[string]any{"chosen": chosen.origin(), "rejected": rejected.origin(), "judge": judge})
	}
	r.set("judged", judged)
}

// origin is that of a response, or an empty one.
func (b before) origin() json.RawMessage {
	if b["origin"] == nil {
		return json.RawMessage("{}")
	}
	return b["origin"]
}
