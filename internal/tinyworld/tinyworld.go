package tinyworld

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// Version is raised when an address starts to give other rows, so that results
// made from the old ones are not reused.
const Version = 2

// dataset is one kind of data the world can give.
type dataset struct {
	params []string
	steps  stepRange                        // of its problems, where it has any
	draw   func(a address, r *random) keyed // one candidate row
	limit  func(a address) int              // the most rows that stay cheap to find
}

// stepRange is the default range of steps in a problem.
type stepRange struct{ least, most int }

// keyed is a row with what makes it distinct, and the split it belongs to.
type keyed struct {
	row   any
	key   string
	split string
}

func datasets() map[string]dataset {
	splitParams := []string{"split", "size", "seed"}
	stepParams := []string{"split", "size", "seed", "min", "max"}
	gameParams := []string{"split", "size", "seed", "largest"}
	traceParams := append(slices.Clone(gameParams), "behaviours", "answers")
	return map[string]dataset{
		"arithmetic":       {stepParams, arithmeticSteps, drawArithmetic, shareOf(arithmeticProblems)},
		"arithmetic-long":  {stepParams, arithmeticLongSteps, drawArithmeticLong, shareOf(arithmeticProblems)},
		"logic":            {stepParams, logicSteps, drawLogic, shareOf(logicProblems)},
		"code":             {splitParams, stepRange{}, drawCode, shareOf(codeProblems)},
		"science":          {stepParams, scienceSteps, drawScience, shareOf(scienceProblems)},
		"general":          {splitParams, stepRange{}, drawGeneral, shareOf(generalPrompts)},
		"harmless":         {splitParams, stepRange{}, drawHarmless, shareOf(harmlessPrompts)},
		"general-sft":      {splitParams, stepRange{}, drawGeneralSFT, shareOf(generalPrompts)},
		"preferences":      {splitParams, stepRange{}, drawPreference, shareOf(generalPrompts)},
		"safety":           {splitParams, stepRange{}, drawSafety, shareOf(harmlessPrompts)},
		"countdown":        {gameParams, stepRange{}, drawCountdown, shareOf(countdownGames)},
		"countdown-traces": {traceParams, stepRange{}, drawCountdownTrace, shareOf(countdownPrompts)},
		"countdown-corpus": {[]string{"size", "seed", "largest"}, stepRange{}, drawCountdownDocument, func(address) int { return 1 << 22 }},
		"corpus":           {[]string{"size", "seed"}, stepRange{}, drawDocument, func(address) int { return 1 << 22 }},
	}
}

// Names lists the datasets.
func Names() []string {
	names := make([]string, 0, len(datasets()))
	for name := range datasets() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Open checks an address and returns its rows, each one JSON object of the row
// types in docs/job-contract.md. Rows are generated while they are read, and the
// sequence can be read any number of times. Within one address no row repeats.
// A bad address is an *r1.Error.
func Open(text string) (iter.Seq[json.RawMessage], error) {
	a, set, err := parse(text)
	if err != nil {
		return nil, err
	}
	return func(yield func(json.RawMessage) bool) {
		r := newRandom(a.seed, a.name+"/"+a.split)
		seen := make(map[string]bool)
		for len(seen) < a.size {
			candidate := set.draw(a, r)
			if candidate.split != a.split || seen[candidate.key] {
				continue
			}
			seen[candidate.key] = true
			if !yield(encode(candidate.row)) {
				return
			}
		}
	}, nil
}

// Digest identifies the rows of an address without making them: two addresses
// that spell the same parameters differently have the same digest.
func Digest(text string) (string, error) {
	a, set, err := parse(text)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "tinyworld/%d %s", Version, a.canonical(set.params)))
	return hex.EncodeToString(sum[:]), nil
}

// shareOf limits a dataset to half of what its split holds: beyond that, finding
// another distinct row by drawing gets slow.
func shareOf(total func(a address) int) func(a address) int {
	return func(a address) int {
		inTest := total(a) / testShare
		if a.split == Test {
			return inTest / 2
		}
		return (total(a) - inTest) / 2
	}
}

func encode(row any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // tags are half of the text
	if err := enc.Encode(row); err != nil {
		panic(fmt.Sprintf("tinyworld: encode %T: %v", row, err)) // rows hold strings and bools only
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
