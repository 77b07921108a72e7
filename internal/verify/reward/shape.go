package reward

import (
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

func tagCount() *Definition {
	return &Definition{
		Name: "tag_count", Version: 1,
		Doc:     "a quarter for each tag that is there exactly once",
		Formula: "0.25 for each of `<think>`, `</think>`, `<answer>`, `</answer>` that occurs exactly once",
		Range:   "0 to 1", Source: "open-r1 `tag_count`",
		Params: []Param{prefilled(), compat()},
		Upstream: []Difference{
			{"a tag counts only with upstream's line breaks around it", "the tag alone counts", "the same tags as `format` takes"},
			{"a completion that continues a pre-filled `<think>` gets at most 0.75", "`prefilled: true`", "the best response cannot be told from a broken one"},
		},
		text: func(p Params, it Item) Value {
			tags := []string{response.ThinkOpen, response.ThinkClose, response.AnswerOpen, response.AnswerClose}
			if p.openR1() {
				tags = []string{response.ThinkOpen + "\n", "\n" + response.ThinkClose + "\n", "\n" + response.AnswerOpen + "\n", "\n" + response.AnswerClose}
			}
			text, score := read(p, it), 0.0
			for _, tag := range tags {
				if strings.Count(text, tag) == 1 {
					score += 0.25
				}
			}
			return known(score)
		},
	}
}

func softOverlong() *Definition {
	return &Definition{
		Name: "soft_overlong_punishment", Version: 1,
		Doc:     "a penalty that grows over the last tokens before the limit (DAPO)",
		Formula: "n tokens: 0 up to max_completion_len − soft_punish_cache; then (max_completion_len − soft_punish_cache − n)/soft_punish_cache; −1 above max_completion_len. Unknown without a count of tokens (row: `tokens`, or the list `completion_ids`)",
		Range:   "−1 to 0", Source: "DAPO eq. 13; open-r1 `soft_overlong_punishment`",
		Params: []Param{
			{Name: "max_completion_len", Type: Whole, Default: int64(16384), Least: least(1), Doc: "tokens; beyond it the penalty is −1"},
			{Name: "soft_punish_cache", Type: Whole, Default: int64(4096), Least: least(1), Doc: "tokens before the limit over which it grows"},
			compat(),
		},
		check: func(p Params) []Problem {
			if limit, cache := p.whole("max_completion_len"), p.whole("soft_punish_cache"); cache > limit {
				return []Problem{{Param: "soft_punish_cache", Text: fmt.Sprintf("%d is more than max_completion_len %d: an empty response would be punished", cache, limit)}}
			}
			return nil
		},
		text: func(p Params, it Item) Value {
			if it.Tokens == nil {
				return unknown(ReasonNoTokens)
			}
			n, limit, cache := int64(*it.Tokens), p.whole("max_completion_len"), p.whole("soft_punish_cache")
			switch {
			case n <= limit-cache:
				return known(0)
			case n <= limit:
				return known(float64(limit-cache-n) / float64(cache))
			}
			return known(-1)
		},
	}
}
