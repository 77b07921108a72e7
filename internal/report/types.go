package report

import (
	"encoding/json"
	"time"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Version is the version of the form of a Report as JSON.
const Version = 1

// Report is all that is said about a run (`r1ctl report RUN -o json`).
type Report struct {
	Version     int          `json:"version"`
	Generated   time.Time    `json:"generated"`
	Run         string       `json:"run"`
	Recipe      string       `json:"recipe"`
	Profile     string       `json:"profile"`
	Description string       `json:"description,omitempty"`
	About       string       `json:"about,omitempty"` // what the profile makes of the recipe
	Owner       string       `json:"owner,omitempty"`
	R1ctl       string       `json:"r1ctl,omitempty"` // version that started the run
	Seed        int64        `json:"seed"`
	State       r1.RunState  `json:"state"`
	Error       string       `json:"error,omitempty"`
	Created     time.Time    `json:"created"`
	Started     time.Time    `json:"started,omitzero"`
	Ended       time.Time    `json:"ended,omitzero"`
	Summary     Summary      `json:"summary"`
	Stages      []Stage      `json:"stages"`
	Models      []Model      `json:"models"`
	Classes     []Class      `json:"classes,omitempty"`
	RL          []RL         `json:"rl,omitempty"`
	Training    []Training   `json:"training,omitempty"`
	Funnels     []Funnel     `json:"funnels,omitempty"`
	Timeline    Timeline     `json:"timeline"`
	Problems    []Problem    `json:"problems,omitempty"`
	Failures    []Failure    `json:"failures,omitempty"`
	Warnings    []Warning    `json:"warnings,omitempty"` // of the guards on training
	Rollbacks   []Rollback   `json:"rollbacks,omitempty"`
	Unreadable  []Unreadable `json:"unreadable,omitempty"`
	// Fork, Rebuild and Drift are those of the run: see r1.Run.
	Fork    *r1.Fork       `json:"fork,omitempty"`
	Rebuild []string       `json:"rebuild,omitempty"`
	Drift   r1.DriftChoice `json:"drift,omitempty"`
	// Against is the plan's estimate beside what happened, of a run that has ended.
	Against    *estimate.Against `json:"plan_against_actual,omitempty"`
	RecipeYAML string            `json:"recipe_yaml"`
}

// Warning is what a guard said about a stage's training.
type Warning struct {
	Stage string `json:"stage"`
	r1.Warning
}

// Rollback is a return of a stage's training to an earlier checkpoint, with other parameters.
type Rollback struct {
	Stage string `json:"stage"`
	r1.Rollback
}

// Live says that the run goes on, so that another look will show more.
func (r *Report) Live() bool { return !r.State.Ended() }

// stage returns the stage of that name, or nil.
func (r *Report) stage(name string) *Stage {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i]
		}
	}
	return nil
}

// Stage is one stage of the plan with what became of it.
type Stage struct {
	Name    string      `json:"name"`
	Kind    r1.Kind     `json:"kind"`
	Title   string      `json:"title,omitempty"`
	Needs   []string    `json:"needs,omitempty"`
	State   r1.RunState `json:"state"`
	Error   string      `json:"error,omitempty"`
	Remedy  string      `json:"remedy,omitempty"`
	Started time.Time   `json:"started,omitzero"`
	Ended   time.Time   `json:"ended,omitzero"`
	Jobs    []Job       `json:"jobs"`
}

// Label is the stage's title, or its name.
func (s *Stage) Label() string {
	if s.Title != "" {
		return s.Title
	}
	return s.Name
}

// Job is one job of a stage.
type Job struct {
	Name        string             `json:"name"`
	State       r1.RunState        `json:"state"`
	Fingerprint string             `json:"fingerprint"`
	Seed        int64              `json:"seed"`
	FromStep    int                `json:"from_step,omitempty"`
	ToStep      int                `json:"to_step,omitempty"`
	Step        int                `json:"step,omitempty"`
	Params      json.RawMessage    `json:"params"`
	Inputs      []Link             `json:"inputs,omitempty"`
	Outputs     []Link             `json:"outputs,omitempty"`
	Metrics     map[string]float64 `json:"metrics,omitempty"` // the job's last numbers
	ReusedFrom  *r1.JobKey         `json:"reused_from,omitempty"`
	Made        *r1.Made           `json:"made,omitempty"` // provenance, once it is committed
	Attempts    []Attempt          `json:"attempts,omitempty"`

	commit *r1.Commit
	plan   *r1.PlannedJob
}

// Link is an artifact that goes into a job or comes out of it.
type Link struct {
	Name   string          `json:"name"` // the job's own name for it
	From   string          `json:"from,omitempty"`
	Type   r1.ArtifactType `json:"type,omitempty"`
	URI    string          `json:"uri,omitempty"` // empty: not made yet
	SHA256 string          `json:"sha256,omitempty"`
	Bytes  int64           `json:"bytes,omitempty"`
}

// Attempt is one try of a job.
type Attempt struct {
	Number      int        `json:"number"`
	Created     time.Time  `json:"created,omitzero"` // prepared; from here to Started it waited
	Started     time.Time  `json:"started,omitzero"`
	Ended       time.Time  `json:"ended,omitzero"` // zero: it lives, or nobody knows
	Seen        time.Time  `json:"seen,omitzero"`  // last sign of life, of an attempt without an end
	Outcome     r1.Outcome `json:"outcome,omitempty"`
	Class       r1.Class   `json:"class,omitempty"`
	Name        string     `json:"name,omitempty"` // of the error
	Error       string     `json:"error,omitempty"`
	Phase       string     `json:"phase,omitempty"` // of a live one
	Step        int        `json:"step,omitempty"`
	ResumedFrom *int       `json:"resumed_from,omitempty"`
	// RolledBack is the roll-back that it began with.
	RolledBack *r1.Rollback `json:"rolled_back,omitempty"`
	Timing     *r1.Timing   `json:"timing,omitempty"`
	Usage      *r1.Usage    `json:"usage,omitempty"`
}

// last is the latest time known of the attempt.
func (a *Attempt) last() time.Time {
	for _, t := range []time.Time{a.Ended, a.Seen, a.Started} {
		if !t.IsZero() {
			return t
		}
	}
	return a.Created
}

// Measure holds the numbers of one evaluation on one domain, named as in the
// job contract (pass@1, pass@1_low, greedy, cons@k, tokens, …). What was not
// measured is absent.
type Measure map[string]float64

// Model is a stage output that can be measured: what training made of what.
type Model struct {
	Name       string      `json:"name"` // the stage's name, or the student's
	Title      string      `json:"title"`
	Stage      string      `json:"stage"`
	Job        string      `json:"job"` // that makes it
	Kind       r1.Kind     `json:"kind"`
	State      r1.RunState `json:"state"`
	Parent     string      `json:"parent,omitempty"` // name of the model it was trained from
	Evaluation string      `json:"evaluation,omitempty"`
	Scores     []Score     `json:"scores,omitempty"` // all problems first, then by domain
	Seconds    float64     `json:"seconds,omitempty"`
	CPUSeconds float64     `json:"cpu_seconds,omitempty"` // 0: not measured
	Notes      []string    `json:"notes,omitempty"`

	problems r1.OutputRef // what it was measured on
}

// Score is a model against its parent on one domain.
type Score struct {
	Domain string  `json:"domain,omitempty"` // empty: all problems
	Before Measure `json:"before,omitempty"` // of the parent
	After  Measure `json:"after"`
}

// score returns the score on a domain, or nil.
func (m *Model) score(domain string) *Score {
	for i := range m.Scores {
		if m.Scores[i].Domain == domain {
			return &m.Scores[i]
		}
	}
	return nil
}

// Class is a distill stage: students beside the model that wrote their data.
type Class struct {
	Stage    string   `json:"stage"`
	Teachers []string `json:"teachers,omitempty"` // names of models
	Students []string `json:"students"`
}

// RL is a grpo stage over its steps, phases joined.
type RL struct {
	Stage    string      `json:"stage"`
	Title    string      `json:"title"`
	FromBase bool        `json:"from_base"` // RL straight on a base model, as R1-Zero
	ToStep   int         `json:"to_step,omitempty"`
	Phases   []int       `json:"phases,omitempty"`   // steps at which a phase after the first begins
	Restarts []int       `json:"restarts,omitempty"` // steps from which an attempt went on after another failed
	Curves   []Curve     `json:"curves,omitempty"`
	Evals    []EvalPoint `json:"evals,omitempty"`
	Texts    []Text      `json:"texts,omitempty"`
}

// Curve returns the points of a curve, or nil.
func (r *RL) Curve(name string) []Point { return curve(r.Curves, name) }

func curve(list []Curve, name string) []Point {
	for _, c := range list {
		if c.Name == name {
			return c.Points
		}
	}
	return nil
}

// Training is a job that trains on data: its curves over steps.
type Training struct {
	Stage  string  `json:"stage"`
	Job    string  `json:"job"`
	Title  string  `json:"title"`
	Kind   r1.Kind `json:"kind"`
	ToStep int     `json:"to_step,omitempty"`
	Curves []Curve `json:"curves,omitempty"`
}

// EvalPoint is a measurement of held-out problems during RL.
type EvalPoint struct {
	Step   int     `json:"step"`
	Values Measure `json:"values"`
}

// Text is an example response during RL, cut to a length for reading.
type Text struct {
	Step     int    `json:"step"`
	Prompt   string `json:"prompt"`
	Response string `json:"response"`
	Cut      bool   `json:"cut,omitempty"`
}

// Funnel is what became of the rows that went into a job.
type Funnel struct {
	Stage string  `json:"stage"`
	Job   string  `json:"job"`
	Title string  `json:"title"`
	Kind  r1.Kind `json:"kind"`
	r1.Funnel
	Lost int `json:"lost"` // In - Kept - dropped: anything but 0 is a fault, and is shown as one
}

// Problem is a held-out problem with the first answer of every model.
type Problem struct {
	ID      string   `json:"id"`
	Domain  string   `json:"domain"`
	Prompt  string   `json:"prompt"`
	Gold    string   `json:"gold,omitempty"`
	Answers []Answer `json:"answers"`
}

// Answer is a model's response to a problem.
type Answer struct {
	Model    string     `json:"model"`
	Response string     `json:"response"`
	Cut      bool       `json:"cut,omitempty"`
	Tokens   int        `json:"tokens,omitempty"`
	Finish   string     `json:"finish,omitempty"`
	Verdict  r1.Verdict `json:"verdict"`
	// Preference is the reward model's score, where one judged it.
	Preference *float64 `json:"preference,omitempty"`
}

// Failure is an attempt that did not succeed.
type Failure struct {
	Stage   string   `json:"stage"`
	Job     string   `json:"job"`
	Attempt int      `json:"attempt"`
	Class   r1.Class `json:"class,omitempty"`
	Name    string   `json:"name,omitempty"`
	Cause   string   `json:"cause"`
	Remedy  string   `json:"remedy,omitempty"`
	Then    string   `json:"then"` // what followed
}

// Unreadable names a part that should be there and cannot be read.
type Unreadable struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Summary is the run in plain sentences.
type Summary struct {
	Lead     string   `json:"lead"`
	Findings []string `json:"findings,omitempty"`
}
