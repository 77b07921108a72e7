package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/choice"
	"github.com/r1ctl/r1ctl/internal/verify/countdown"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// logicOf is the verifier of a row of domain logic that names none, by what the row
// holds: a puzzle, a game, options or a letter as gold, a number as gold, else text.
func logicOf(it reward.Item) string {
	var info struct {
		Family string `json:"family"`
	}
	if json.Unmarshal(it.Row["verification_info"], &info) == nil && info.Family != "" {
		return ReasoningGym
	}
	if _, err := gameOf(it); err == nil {
		return Countdown
	}
	switch {
	case it.Gold == nil:
		return None
	case len(it.Row["options"]) > 0 || len(optionsIn(it.Prompt)) > 1 || len(undress(*it.Gold)) == 1 && isASCIILetter(undress(*it.Gold)[0]):
		return Choice
	}
	if _, reason := parseNumber(*it.Gold); reason == "" {
		return Integer
	}
	return Text
}

func judgeChoice(it reward.Item) r1.Verdict {
	v := r1.Verdict{Label: r1.Unverified, Verifier: "choice/2"}
	if noGold(it) {
		v.Reason = ReasonGoldMissing
		return v
	}
	q, err := questionOf(it)
	if err != nil {
		v.Reason = ReasonMalformed
		return v
	}
	if len(*it.Gold) > maxAnswer {
		v.Reason = ReasonGoldUnparsable
		return v
	}
	gold, problem := q.Gold(*it.Gold)
	if problem != choice.None {
		v.Reason = ReasonGoldUnparsable
		return v
	}
	v.Label = r1.Wrong
	answer, reason := extract(it.Text(), lastLine)
	if v.Answer, v.Reason = clip(answer), reason; reason != "" {
		return v
	}
	if len(answer) > maxAnswer {
		v.Reason = ReasonUnparsable
		return v
	}
	got, problem := q.Answer(answer)
	switch {
	case problem != choice.None:
		v.Reason = string(problem)
	case got == gold:
		v.Label = r1.Correct
	}
	return v
}

// questionOf takes the options from the row, else from the prompt. Options of a
// prompt are a reading of it: where they make no question, letters alone count.
func questionOf(it reward.Item) (choice.Question, error) {
	var row struct {
		Options []string    `json:"options"`
		Form    choice.Form `json:"answer_form"`
	}
	for _, raw := range []json.RawMessage{it.Row["verification_info"], rowOf(it, "options", "answer_form")} {
		if len(raw) > 0 && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			if err := json.Unmarshal(raw, &row); err != nil {
				return choice.Question{}, err
			}
		}
	}
	if len(row.Options) > 0 {
		return choice.New(row.Options, row.Form)
	}
	if q, err := choice.New(optionsIn(it.Prompt), row.Form); err == nil {
		return q, nil
	}
	return choice.New(nil, row.Form)
}

// rowOf is an object of some fields of the row.
func rowOf(it reward.Item, names ...string) json.RawMessage {
	some := map[string]json.RawMessage{}
	for _, name := range names {
		if raw, ok := it.Row[name]; ok {
			some[name] = raw
		}
	}
	raw, err := json.Marshal(some)
	if err != nil {
		return nil
	}
	return raw
}

// optionsIn finds the options of a prompt that lists them one a line, from A on:
// "A) …", "(A) …", "A. …" or "A: …".
func optionsIn(prompt string) []string {
	var options []string
	for line := range strings.Lines(prompt) {
		s := strings.TrimPrefix(strings.TrimSpace(line), "(")
		if len(s) < 3 || s[0] < 'A' || s[0] > 'Z' || !strings.ContainsRune(").:", rune(s[1])) {
			continue
		}
		switch int(s[0] - 'A') {
		case 0:
			options = []string{strings.TrimSpace(s[2:])}
		case len(options):
			options = append(options, strings.TrimSpace(s[2:]))
		}
	}
	return options
}

func judgeCountdown(it reward.Item) r1.Verdict {
	v := r1.Verdict{Label: r1.Unverified, Verifier: "countdown/1"}
	game, err := gameOf(it)
	if err != nil {
		v.Reason = ReasonMalformed
		return v
	}
	v.Label = r1.Wrong
	answer, reason := extract(it.Text(), lastLine)
	if v.Answer, v.Reason = clip(answer), reason; reason != "" {
		return v
	}
	if err := game.Judge(answer); err != nil {
		v.Reason = err.Error()
		return v
	}
	v.Label = r1.Correct
	return v
}

// gameOf reads a game: numbers, target and use_all (true where it is not said),
// from verification_info or from the row itself, whose nums is another name of numbers.
func gameOf(it reward.Item) (countdown.Game, error) {
	var row struct {
		Numbers []int64 `json:"numbers"`
		Nums    []int64 `json:"nums"`
		Target  *int64  `json:"target"`
		UseAll  *bool   `json:"use_all"`
	}
	raw := it.Row["verification_info"]
	if len(raw) == 0 || string(raw) == "null" {
		raw = rowOf(it, "numbers", "nums", "target", "use_all")
	}
	if err := json.Unmarshal(raw, &row); err != nil {
		return countdown.Game{}, err
	}
	if len(row.Numbers) == 0 {
		row.Numbers = row.Nums
	}
	if row.Target == nil {
		return countdown.Game{}, errors.New("the game has no target")
	}
	g := countdown.Game{Numbers: row.Numbers, Target: *row.Target, UseAll: row.UseAll == nil || *row.UseAll}
	return g, g.Check()
}
