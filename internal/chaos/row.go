package chaos

import "time"

// Row is one fault, and what came of it.
type Row struct {
	Fault      string    `json:"fault"`
	What       string    `json:"what"`
	Target     string    `json:"target"`
	Trainer    string    `json:"trainer"` // real or scripted
	Rig        RigName   `json:"rig"`
	Stage      string    `json:"stage"`
	Run        string    `json:"run"`
	InjectedAt time.Time `json:"injected_at"`
	Step       int       `json:"step"`
	Expected   string    `json:"expected"`
	Seen       string    `json:"seen"`
	OK         bool      `json:"ok"`
	Doubled    int       `json:"doubled"`
	Orphaned   int       `json:"orphaned"`
	// StepsLost are steps that were done again, of a kind that saves checkpoints; nil where no attempt followed another.
	StepsLost *int `json:"steps_lost,omitempty"`
	// RecoveredS is from the fault, or from the end of what lasted, until the run went on.
	RecoveredS float64 `json:"recovered_s"`
	// FollowedS is from the start of the restart command until r1ctl follows the same trainer again.
	FollowedS *float64 `json:"followed_s,omitempty"`
	// ResumedS is from the trainer's death until the next one's first line, less that one's own start.
	ResumedS *float64 `json:"resumed_s,omitempty"`
	Note     string   `json:"note,omitempty"`
}

// Skipped is a fault that was not injected.
type Skipped struct {
	Fault  string  `json:"fault"`
	Rig    RigName `json:"rig"`
	Reason string  `json:"reason"`
}

// Bounds of what must hold.
const (
	followBound = 10 * time.Second
	resumeBound = 10 * time.Second
)
