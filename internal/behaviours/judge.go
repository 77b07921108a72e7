package behaviours

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Labels are what a judge says of a trace: whether it shows each behaviour, in the
// order of Names; nil where it says nothing of one.
type Labels [behaviours]*bool

// ParseLabels reads a judge's labels: an object, or text that holds one (a model's
// reply with words around it), with the behaviours' names as keys, _ being as good as -,
// and for each true or false, or how often it is shown, or {"count": that}. Other keys
// are ignored. ok is false where no behaviour is labelled.
func ParseLabels(raw json.RawMessage) (l Labels, ok bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return l, false
		}
		from, to := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
		if from < 0 || to < from {
			return l, false
		}
		raw = json.RawMessage(text[from : to+1])
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return l, false
	}
	for i, name := range Names() {
		value, known := fields[name]
		if !known {
			value, known = fields[strings.ReplaceAll(name, "-", "_")]
		}
		if known {
			l[i] = label(value)
			ok = ok || l[i] != nil
		}
	}
	return l, ok
}

func label(value json.RawMessage) *bool {
	var shown bool
	if json.Unmarshal(value, &shown) == nil && string(value) != "null" {
		return &shown
	}
	var count float64
	var counted struct {
		Count *float64 `json:"count"`
	}
	switch {
	case string(value) == "null":
		return nil
	case json.Unmarshal(value, &count) == nil:
	case json.Unmarshal(value, &counted) == nil && counted.Count != nil:
		count = *counted.Count
	default:
		return nil
	}
	shown = count > 0
	return &shown
}

// judged compares the rules with a judge, for one behaviour.
type judged struct{ both, rules, judge, neither int }

// AddLabels takes a judge's labels of a row that was added; ok as ParseLabels gave it.
func (t *Tally) AddLabels(c Counts, l Labels, ok bool) {
	t.judging = true
	if !ok {
		t.unread++
	}
	for i, said := range l {
		j := &t.judges[i]
		switch shown := c.Shown[i] > 0; {
		case said == nil:
		case shown && *said:
			j.both++
		case shown:
			j.rules++
		case *said:
			j.judge++
		default:
			j.neither++
		}
	}
}

// Agreement is how far rules and judge say the same.
type Agreement struct {
	Unlabelled int               `json:"unlabelled"` // rows without labels that can be read
	Behaviours map[string]Agreed `json:"behaviours"`
}

// Agreed is the agreement on whether traces show a behaviour.
type Agreed struct {
	Rows      int      `json:"rows"` // that the judge labelled
	Agreement *float64 `json:"agreement"`
	// Kappa is Cohen's: agreement beyond chance, 1 at most; null where chance alone
	// makes both say the same of every row.
	Kappa   *float64 `json:"kappa"`
	Both    int      `json:"both"` // show it by rules and judge
	Rules   int      `json:"rules_only"`
	Judge   int      `json:"judge_only"`
	Neither int      `json:"neither"`
}

func (t *Tally) agreement() Agreement {
	a := Agreement{Unlabelled: t.unread, Behaviours: map[string]Agreed{}}
	for i, name := range Names() {
		a.Behaviours[name] = t.judges[i].agreed()
	}
	return a
}

func (j judged) agreed() Agreed {
	a := Agreed{Rows: j.both + j.rules + j.judge + j.neither, Both: j.both, Rules: j.rules, Judge: j.judge, Neither: j.neither}
	if a.Rows == 0 {
		return a
	}
	n := float64(a.Rows)
	observed := float64(j.both+j.neither) / n
	byRules, byJudge := float64(j.both+j.rules)/n, float64(j.both+j.judge)/n
	chance := byRules*byJudge + (1-byRules)*(1-byJudge)
	a.Agreement = &observed
	if chance < 1 {
		kappa := (observed - chance) / (1 - chance)
		a.Kappa = &kappa
	}
	return a
}
