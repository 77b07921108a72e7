package behaviours

import "encoding/json"

// Row is a row with a trace, as far as counting reads it.
type Row struct {
	ID       json.RawMessage `json:"id"`
	Domain   string          `json:"domain"`
	Prompt   string          `json:"prompt"`
	Response string          `json:"response"`
	Verifier string          `json:"verifier"`

	Info    json.RawMessage `json:"verification_info"`
	Numbers []int64         `json:"numbers"`
	Nums    []int64         `json:"nums"`
	Target  *int64          `json:"target"`
}

// Row counts in the response of a row: as a game's, where the row is a problem of
// countdown and holds its numbers.
func (c *Counter) Row(r Row) Counts {
	if g, ok := r.Game(); ok {
		return c.Game(r.Response, g)
	}
	return c.Text(r.Response)
}

// Game is the game of a row of countdown, by its verifier or its domain; ok is false
// where it is none. The numbers are where the verifier reads them.
func (r Row) Game() (g Game, ok bool) {
	if r.Verifier != "countdown" && r.Domain != "countdown" {
		return Game{}, false
	}
	numbers, nums, target := r.Numbers, r.Nums, r.Target
	if len(r.Info) > 0 && string(r.Info) != "null" {
		var info struct {
			Numbers []int64 `json:"numbers"`
			Nums    []int64 `json:"nums"`
			Target  *int64  `json:"target"`
		}
		if json.Unmarshal(r.Info, &info) != nil {
			return Game{}, false
		}
		numbers, nums, target = info.Numbers, info.Nums, info.Target
	}
	if len(numbers) == 0 {
		numbers = nums
	}
	if len(numbers) == 0 || target == nil {
		return Game{}, false
	}
	return Game{Numbers: numbers, Target: *target}, true
}
