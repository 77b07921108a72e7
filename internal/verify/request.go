package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// Wanted is a reward that is asked for.
type Wanted struct {
	Name    string // under which results carry it
	Domains []string
	*reward.Reward
}

// applies says whether the reward counts for a domain.
func (w Wanted) applies(domain string) bool {
	return len(w.Domains) == 0 || slices.Contains(w.Domains, domain)
}

// ReadRewards reads rewards as a recipe writes them: a name, parameters, and what
// the trainer keeps for itself (weight, from_step) or shares (domains). A list that
// cannot be computed as meant is refused: a misspelt parameter must not silently
// change what is rewarded.
func ReadRewards(raw []json.RawMessage) ([]Wanted, error) {
	wanted := make([]Wanted, 0, len(raw))
	for i, one := range raw {
		w, err := readReward(one)
		if err != nil {
			return nil, fmt.Errorf("rewards[%d]: %w", i, err)
		}
		for k, other := range wanted {
			if other.Name == w.Name && overlap(other.Domains, w.Domains) {
				return nil, fmt.Errorf("rewards[%d]: %s is also rewards[%d], for the same domain", i, w.Name, k)
			}
		}
		wanted = append(wanted, w)
	}
	return wanted, nil
}

func readReward(raw json.RawMessage) (Wanted, error) {
	var envelope struct {
		Name     string   `json:"name"`
		Domains  []string `json:"domains"`
		Weight   *float64 `json:"weight"`
		FromStep int      `json:"from_step"`
	}
	var values map[string]any
	if err := errors.Join(json.Unmarshal(raw, &envelope), json.Unmarshal(raw, &values)); err != nil {
		return Wanted{}, fmt.Errorf("read a reward: %w", err)
	}
	for _, name := range []string{"name", "domains", "weight", "from_step"} {
		delete(values, name)
	}
	for name, v := range values {
		if v == nil {
			delete(values, name)
		}
	}
	return NewWanted(envelope.Name, values, envelope.Domains)
}

// NewWanted finds a reward. One of the user's own has a name of its choice and the
// parameter python or url.
func NewWanted(name string, values map[string]any, domains []string) (Wanted, error) {
	if name == "" {
		return Wanted{}, errors.New("a reward needs a name")
	}
	of := name
	for _, own := range []string{reward.Python, reward.URL} {
		if _, ok := values[own]; ok {
			of = own
		}
	}
	if of == reward.Preference {
		return Wanted{}, errors.New("preference is the score of a reward model, which the trainer computes")
	}
	r, err := reward.New(of, values)
	if err != nil {
		return Wanted{}, err
	}
	return Wanted{Name: name, Domains: domains, Reward: r}, nil
}

func overlap(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(d string) bool { return slices.Contains(b, d) })
}
