package curate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// comparePairs takes two responses of each prompt and asks which is better: once in
// either order, so that a judge who favours a place favours nobody. Two rows come
// out, for a stage of kind sample whose template shows {prompt}, {first} and
// {second}; preference reads its judgements. What is shown is the reply (as a
// reward model for helpfulness reads it), or the whole response.
//
// Which two is random by seed; with between "sources" they come from different
// inputs or sources of the stage. They differ in more than white space and case.
//
// Reasons: "alone" (no other response to compare with, or none of another source),
// "same" (the others say the same), "not-in-pair".
//
// Memory: 56 bytes a row, about 60 a prompt; rows wait in the spill file.
type comparePairs struct {
	Between string `json:"between"`
	Show    string `json:"show"`
}

func comparePairsDef() StepDef {
	return StepDef{
		Name: "compare-pairs", Doc: "make two responses of a prompt a question: which is better?",
		Params: []Param{
			{Name: "between", Type: "text", Default: "any", Allowed: []string{"any", "sources"}},
			{Name: "show", Type: "text", Default: "reply", Allowed: []string{"reply", "response"}},
		},
		decode: decodeInto(comparePairs{Between: "any", Show: "reply"}),
	}
}

func (s comparePairs) check() error {
	if !slices.Contains([]string{"any", "sources"}, s.Between) {
		return fmt.Errorf("between %q is none of [any sources]", s.Between)
	}
	if !slices.Contains([]string{"reply", "response"}, s.Show) {
		return fmt.Errorf("show %q is none of [reply response]", s.Show)
	}
	return nil
}

func (comparePairs) needs() []string { return []string{"response"} }

func (s comparePairs) start(_ context.Context, env env) (any, error) {
	return &pairing{params: s, random: env.random, prompts: map[promptKey]int32{}}, nil
}

type pairing struct {
	params  comparePairs
	random  func(seq int64) uint64
	prompts map[promptKey]int32
	rows    []paired
	swapped []bool // of each pair, in order: whose row comes first
}

type paired struct {
	prompt int32
	rank   uint64
	source uint64 // digest
	text   uint64
}

// shown is what a judge sees of a response.
func (s comparePairs) shown(r *row) string {
	if s.Show == "response" {
		return r.response
	}
	return strings.TrimSpace(r.split(r.response).Reply)
}

func (p *pairing) note(r *row) []byte {
	key := r.promptKey()
	out := binary.LittleEndian.AppendUint64(key[:], hash64(r.at.source))
	return binary.LittleEndian.AppendUint64(out, hash64(sameText(p.params.shown(r))))
}

func (p *pairing) see(seq int64, note []byte) error {
	key := promptKey(note[:16])
	n, ok := p.prompts[key]
	if !ok {
		n = int32(len(p.prompts))
		p.prompts[key] = n
	}
	p.rows = append(p.rows, paired{
		prompt: n, rank: p.random(seq),
		source: binary.LittleEndian.Uint64(note[16:]), text: binary.LittleEndian.Uint64(note[24:]),
	})
	return nil
}

func (p *pairing) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	members := make([][]int32, len(p.prompts))
	for i, r := range p.rows {
		members[r.prompt] = append(members[r.prompt], int32(i))
	}
	reasons := make([]string, len(p.rows))
	var order, rest []int
	for _, rows := range members {
		slices.SortStableFunc(rows, func(a, b int32) int {
			if p.rows[a].rank < p.rows[b].rank {
				return -1
			}
			return 1
		})
		second, reason := p.partner(rows)
		for k, i := range rows {
			switch {
			case reason != "":
				reasons[i] = reason
			case k != 0 && k != second:
				reasons[i] = "not-in-pair"
			default:
				order = append(order, int(i))
				continue
			}
			rest = append(rest, int(i))
		}
		if reason == "" {
			p.swapped = append(p.swapped, p.rows[rows[0]].rank&1 == 1)
		}
	}
	p.rows, p.prompts = nil, nil
	return inMemory(func(i int) string { return reasons[i] }, append(order, rest...))
}

// partner is the row to compare the first one with.
func (p *pairing) partner(rows []int32) (second int, reason string) {
	first, reason := p.rows[rows[0]], "alone"
	for k, i := range rows[1:] {
		switch r := p.rows[i]; {
		case p.params.Between == "sources" && r.source == first.source:
		case r.text == first.text:
			reason = "same"
		default:
			return k + 1, ""
		}
	}
	return 0, reason
}

func (p *pairing) groups() []int {
	out := make([]int, len(p.swapped))
	for i := range out {
		out[i] = 2
	}
	return out
}

// A pair is what a row of it carries to preference.
type pair struct {
	Key   string `json:"key"`
	Order int    `json:"order"` // which of the responses was shown first
	// Responses are the samples compared: what a sampler writes of each.
	Responses [2]before       `json:"responses"`
	Verifier  json.RawMessage `json:"verifier"`
}

func (p *pairing) join(n int, rows []*row) {
	if p.swapped[n] {
		rows[0], rows[1] = rows[1], rows[0]
	}
	var asked pair
	var shown [2]string
	for i, r := range rows {
		shown[i] = p.params.shown(r)
		if r.sample != nil && r.origin["sample"] == nil {
			r.origin["sample"] = encode(*r.sample)
			r.set("origin", r.origin)
		}
		asked.Responses[i] = before{}
		for _, name := range carried() {
			if value, ok := r.get(name); ok {
				asked.Responses[i][name] = value
			}
		}
	}
	asked.Verifier = rows[0].value("verifier")
	sum := sha256.Sum256([]byte(rows[0].id + "\n" + rows[0].response + "\n" + rows[1].response))
	asked.Key = hex.EncodeToString(sum[:8])
	for i, r := range rows {
		for _, name := range carried() {
			if name != "origin" {
				r.unset(name)
			}
		}
		asked.Order = i
		r.set("pair", asked)
		r.set("first", shown[i])
		r.set("second", shown[1-i])
		r.put("verifier", encode("none"))
	}
}
