package r1

import "time"

// Taken names a commit of another run.
type Taken struct {
	Recipe string `json:"recipe"` // of that run
	JobKey
}

// Anew says why, and how, a job is made anew though an equal one may be committed.
type Anew string

// A job is made anew to replace what later runs reuse, or apart from it.
const (
	AnewRebuild Anew = "rebuild" // later runs take the new commit
	AnewApart   Anew = "apart"   // later runs go on taking the old one
)

// Fork is the run that another one goes on from, and the stage from which it is
// made anew.
type Fork struct {
	Run   string `json:"run"`
	Stage string `json:"stage"`
	// Differs lists what the recipe has otherwise in the stages that were taken over as
	// they are: it is not in effect.
	Differs []Change `json:"differs,omitempty"`
}

// DriftChoice is what to do about results that were made otherwise than they would
// be now: by other code, or in another environment.
type DriftChoice string

// The answers to drift.
const (
	DriftReuse   DriftChoice = "reuse"   // take them as they are
	DriftFork    DriftChoice = "fork"    // make them anew in this run; later runs go on taking the old ones
	DriftRebuild DriftChoice = "rebuild" // make them anew; later runs take the new ones
)

// DriftChoices lists the answers to drift.
func DriftChoices() []string {
	return []string{string(DriftReuse), string(DriftFork), string(DriftRebuild)}
}

// Made is the provenance of a commit's outputs. None of it enters a fingerprint.
type Made struct {
	By *Maker `json:"by,omitempty"`
	// Inputs are the content digests of the inputs that bear on the result, by name.
	Inputs map[string]string `json:"inputs,omitempty"`
	// Adopted is set where the outputs come from outside, and no job made them.
	Adopted *Adopted `json:"adopted,omitempty"`
}

// Maker is what ran a job.
type Maker struct {
	R1ctl       string `json:"r1ctl,omitempty"`       // version of the agent, or of the worker where that computed it
	Trainer     string `json:"trainer,omitempty"`     // digest of the trainer's source, or of the program in its place
	Environment string `json:"environment,omitempty"` // digest of the trainer's locked packages
	// For people who look into it later:
	Lock     string            `json:"requirements_lock,omitempty"` // sha256 of the locked requirements
	Command  []string          `json:"command,omitempty"`           // a trainer of the site's own, in place of r1trainer
	Versions map[string]string `json:"versions,omitempty"`          // of Python, torch and so on
}

// Adopted says where outputs come from that no job made.
type Adopted struct {
	From  string    `json:"from"` // the address, as it was given
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`
	R1ctl string    `json:"r1ctl,omitempty"`
}

// AdoptedEntry is something adopted, in the index: the job that it stands for, and where
// its artifact is.
type AdoptedEntry struct {
	Recipe string `json:"recipe"`
	JobKey
	Prefix string `json:"prefix"` // of its manifest
	From   string `json:"from"`
}

// Drift is one way in which a result was made otherwise than it would be now.
type Drift struct {
	What string `json:"what"` // r1ctl, trainer or environment
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// Drifts compares what made a result of a kind with what would make it now. The version
// of r1ctl counts where its own code makes numbers or rows: verdicts and curation. What
// is not known is no drift.
func (m *Made) Drifts(k Kind, now Maker) []Drift {
	if m == nil || m.By == nil || m.Adopted != nil {
		return nil
	}
	var out []Drift
	note := func(what, was, is string) {
		if was != "" && is != "" && was != is {
			out = append(out, Drift{what, was, is})
		}
	}
	if !k.Computed() {
		note("trainer", m.By.Trainer, now.Trainer)
		note("environment", m.By.Environment, now.Environment)
	}
	switch k {
	case KindCurate, KindGRPO, KindSample, KindEvaluate:
		note("r1ctl", m.By.R1ctl, now.R1ctl)
	}
	return out
}

// InputBears says whether an input bears on a job's result. The problems of an RL job
// are only measured by.
func InputBears(k Kind, input string) bool { return k != KindGRPO || input != "problems" }

// Origin is the job that really made what a commit holds.
func (c *Commit) Origin() JobKey {
	if c.ReusedFrom != nil {
		return *c.ReusedFrom
	}
	return c.Key
}
