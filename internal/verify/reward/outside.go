package reward

import (
	"fmt"
	"net/url"
	"regexp"
)

// The names of the rewards that are computed elsewhere, and their parameters.
const (
	Preference = "preference"
	Python     = "python" // also its parameter: module.path:function
	URL        = "url"    // also its parameter
	Timeout    = "timeout_seconds"
)

func preference() *Definition {
	return &Definition{
		Name: Preference, Version: 1, Outside: true,
		Doc:     "the score of a reward model; the trainer computes it",
		Formula: "the sigmoid of the reward model's output: input `helpful` for domain general, `safety` for domain safety",
		Range:   "0 to 1", Source: "paper 3.1, B.2",
	}
}

func timeout(what string) Param {
	return Param{Name: Timeout, Type: Number, Default: 60.0, Least: least(0.1), Doc: "deadline of one " + what}
}

func python() *Definition {
	return &Definition{
		Name: Python, Version: 1, Outside: true,
		Doc:     "a Python function of your own, called as TRL calls reward functions",
		Formula: "what the function returns; None, an exception, a number that is not finite, or the deadline: unknown",
		Range:   "yours", Source: "[below](#rewards-of-your-own)",
		Params: []Param{
			{
				Name: Python, Type: Text, Required: true, Want: "a function as module.path:name", Doc: "the function",
				Pattern: regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$`),
			},
			timeout("call"),
		},
	}
}

func endpoint() *Definition {
	return &Definition{
		Name: URL, Version: 1, Outside: true,
		Doc:     "an HTTP endpoint of your own",
		Formula: "what the endpoint answers; null, an outage, a malformed answer, or the deadline: unknown",
		Range:   "yours", Source: "[below](#rewards-of-your-own)",
		Params: []Param{
			{Name: URL, Type: Text, Required: true, Want: "an address as http://host/path", Doc: "gets a POST"},
			timeout("request, with its retries"),
		},
		check: func(p Params) []Problem {
			u, err := url.Parse(p.text(URL))
			switch {
			case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
				return []Problem{{Param: URL, Text: fmt.Sprintf("expected an address as http://host/path, found the text %q", p.text(URL))}}
			case u.User != nil:
				return []Problem{{Param: URL, Text: "a recipe holds no password: leave user and password out of the address"}}
			}
			return nil
		},
	}
}
