package r1

// Label is a verifier's judgement of one response.
type Label string

// The three verdicts. Unverified is never a wrong answer and never a reward.
const (
	Correct    Label = "correct"
	Wrong      Label = "wrong"
	Unverified Label = "unverified"
)

// Verdict is a label with what decided it.
type Verdict struct {
	Label    Label  `json:"label"`
	Reason   string `json:"reason,omitempty"` // why unverified, or why wrong where that is known
	Answer   string `json:"answer,omitempty"` // the extracted answer
	Verifier string `json:"verifier"`         // name/version, such as "integer/1"
	Tier     int    `json:"tier,omitempty"`   // of mathematics: 0 text and numbers, 1 formulas, 2 the second opinion
}
