package r1

import (
	"fmt"
	"time"
)

// ReviewInput is the name under which a curate job finds its review among its inputs.
const ReviewInput = "review"

// ReviewGate is the part of a gate that waits for a review.
type ReviewGate struct {
	Rows int `json:"rows,omitempty"` // how many have to be reviewed; 0: all
}

// String says for people what it waits for.
func (g ReviewGate) String() string {
	if g.Rows > 0 {
		return fmt.Sprintf("a review of %d rows", g.Rows)
	}
	return "a review of its rows"
}

// Review is what people said of a stage's rows: a reference to the file. It belongs
// to the job of that fingerprint, and never changes.
type Review struct {
	Stage       string    `json:"stage"`
	Fingerprint string    `json:"fingerprint"`
	Data        Artifact  `json:"data"`
	Rows        int       `json:"rows"` // with a decision
	Accepted    int       `json:"accepted"`
	Rejected    int       `json:"rejected"`
	Edited      int       `json:"edited"`
	By          string    `json:"by,omitempty"`
	At          time.Time `json:"at"`
}
