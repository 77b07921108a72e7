package tinyworld

import (
	"crypto/sha256"
	"encoding/hex"
)

// Domains of the world's prompts.
const (
	Arithmetic     = "arithmetic"
	ArithmeticLong = "arithmetic-long" // chains longer than the web usually has
	Logic          = "logic"
	Code           = "code"
	Science        = "science"
	General        = "general"
	Safety         = "safety"
	Countdown      = "countdown"
)

// testShare is one in how many prompts is a test prompt.
const testShare = 5

// The row types of docs/job-contract.md, as far as the world makes them.
type (
	problemRow struct {
		ID       string        `json:"id"`
		Domain   string        `json:"domain"`
		Prompt   string        `json:"prompt"`
		Gold     string        `json:"gold,omitempty"`
		Verifier string        `json:"verifier"`
		Options  []string      `json:"options,omitempty"`
		Tests    *programTests `json:"verification_info,omitempty"`
		Split    string        `json:"split"`
	}
	sftRow struct {
		ID       string `json:"id"`
		Domain   string `json:"domain"`
		Prompt   string `json:"prompt"`
		Response string `json:"response"`
	}
	preferenceRow struct {
		ID       string `json:"id"`
		Domain   string `json:"domain"`
		Prompt   string `json:"prompt"`
		Chosen   string `json:"chosen"`
		Rejected string `json:"rejected"`
	}
	safetyRow struct {
		ID       string `json:"id"`
		Domain   string `json:"domain"`
		Prompt   string `json:"prompt"`
		Response string `json:"response"`
		Safe     bool   `json:"safe"`
	}
	textRow struct {
		Text string `json:"text"`
	}
)

// identify returns the id of a prompt and the split it is in for ever. A chain
// is one problem, whether it is counted as long or not.
func identify(domain, prompt string) (id, split string) {
	if domain == ArithmeticLong {
		domain = Arithmetic
	}
	sum := sha256.Sum256([]byte(domain + "\n" + prompt))
	split = Train
	if sum[31]%testShare == 0 {
		split = Test
	}
	return hex.EncodeToString(sum[:8]), split
}

func problem(domain, prompt, gold, verifier string) keyed {
	row, id, split := newProblem(domain, prompt, gold, verifier)
	return keyed{row, id, split}
}

func newProblem(domain, prompt, gold, verifier string) (row problemRow, id, split string) {
	id, split = identify(domain, prompt)
	return problemRow{ID: id, Domain: domain, Prompt: prompt, Gold: gold, Verifier: verifier, Split: split}, id, split
}
