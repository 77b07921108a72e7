package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Item is one response to judge, with the problem it answers.
type Item struct {
	ID       string `json:"id"`
	Domain   string `json:"domain"`
	Verifier string `json:"verifier"` // integer, choice or none
	Prompt   string `json:"prompt"`
	Gold     *Gold  `json:"gold"` // nil when the problem has none
	Response string `json:"response"`
}

// Gold is a reference answer: a JSON string, or a number as it is written.
type Gold string

// UnmarshalJSON accepts a string or a number.
func (g *Gold) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		*g = Gold(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return errors.New("gold must be a string or a number")
	}
	*g = Gold(n)
	return nil
}

// Result is the judgement of one item. A nil reward could not be computed; it
// is null in JSON, and no trainer may read it as 0.
type Result struct {
	ID      string              `json:"id"`
	Verdict r1.Verdict          `json:"verdict"`
	Rewards map[string]*float64 `json:"rewards"`
}

// The names of the rewards computed here.
const (
	RewardAccuracy = "accuracy"
	RewardFormat   = "format"
	RewardLanguage = "language"
)

// Reward asks for one reward. Weight and FromStep belong to the trainer and are
// accepted so that it can pass on what the recipe says.
type Reward struct {
	Name     string   `json:"name"`
	Style    string   `json:"style,omitempty"`   // of format
	Target   string   `json:"target,omitempty"`  // of language
	Domains  []string `json:"domains,omitempty"` // empty: every domain
	Weight   *float64 `json:"weight,omitempty"`
	FromStep int      `json:"from_step,omitempty"`
}

// applies says whether the reward counts for a domain.
func (r Reward) applies(domain string) bool {
	return len(r.Domains) == 0 || slices.Contains(r.Domains, domain)
}

// CheckRewards refuses a list of rewards that cannot be computed as meant.
func CheckRewards(rewards []Reward) error {
	for i, r := range rewards {
		if err := r.check(); err != nil {
			return fmt.Errorf("rewards[%d]: %w", i, err)
		}
		for j, other := range rewards[:i] {
			if other.Name == r.Name && overlap(other.Domains, r.Domains) {
				return fmt.Errorf("rewards[%d]: %s is also rewards[%d], for the same domain", i, r.Name, j)
			}
		}
	}
	return nil
}

func (r Reward) check() error {
	switch r.Name {
	case RewardAccuracy:
	case RewardFormat:
		if !slices.Contains(Styles(), r.Style) {
			return fmt.Errorf("format: style %q is none of %v", r.Style, Styles())
		}
	case RewardLanguage:
		if !slices.Contains(Languages(), r.Target) {
			return fmt.Errorf("language: target %q is none of %v", r.Target, Languages())
		}
	case "":
		return errors.New("a reward needs a name")
	case "preference":
		return errors.New("preference is the score of a reward model, which the trainer computes")
	default:
		return fmt.Errorf("unknown reward %q: this service computes accuracy, format, language", r.Name)
	}
	if r.Style != "" && r.Name != RewardFormat {
		return fmt.Errorf("%s takes no style", r.Name)
	}
	if r.Target != "" && r.Name != RewardLanguage {
		return fmt.Errorf("%s takes no target", r.Name)
	}
	return nil
}

func overlap(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(d string) bool { return slices.Contains(b, d) })
}

// Score judges an item and computes the rewards asked for. Rewards must have
// passed CheckRewards. A reward for other domains only is nil.
func Score(rewards []Reward, it Item) Result {
	res := Result{ID: it.ID, Verdict: Judge(it), Rewards: make(map[string]*float64, len(rewards))}
	for _, r := range rewards {
		if !r.applies(it.Domain) {
			if _, set := res.Rewards[r.Name]; !set {
				res.Rewards[r.Name] = nil
			}
			continue
		}
		res.Rewards[r.Name] = r.compute(it, res.Verdict)
	}
	return res
}

// compute is nil where the reward cannot be computed, a fault included.
func (r Reward) compute(it Item, v r1.Verdict) (value *float64) {
	defer func() {
		if recover() != nil {
			value = nil
		}
	}()
	switch r.Name {
	case RewardAccuracy:
		switch v.Label {
		case r1.Correct:
			return number(1)
		case r1.Wrong:
			return number(0)
		}
	case RewardFormat:
		if Format(r.Style, it.Response) {
			return number(1)
		}
		return number(0)
	case RewardLanguage:
		if share, ok := Language(r.Target, it.Response); ok {
			return number(share)
		}
	}
	return nil
}

func number(f float64) *float64 { return &f }
