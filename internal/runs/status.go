package runs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Status is a run as people and programs see it (`r1ctl status RUN -o json`).
type Status struct {
	Run     string      `json:"run"`
	Recipe  string      `json:"recipe"`
	Profile string      `json:"profile"`
	State   r1.RunState `json:"state"`
	Created time.Time   `json:"created"`
	Started time.Time   `json:"started,omitzero"`
	Ended   time.Time   `json:"ended,omitzero"`
	Seconds float64     `json:"seconds"`
	Error   string      `json:"error,omitempty"`
	Paused  *r1.Pause   `json:"paused,omitempty"`
	Notice  string      `json:"notice,omitempty"` // what a person should know besides
	// Retries are the budgets of every job, by failure class; a resume begins them anew.
	Retries *r1.Retries `json:"retries,omitempty"`
	// Amendments are the changes of the run's plan, without the plans.
	Amendments []r1.Amendment `json:"amendments,omitempty"`
	// Fork is the run that this one goes on from, Rebuild the stages it was to make anew,
	// and Drift what was decided about results that were made otherwise.
	Fork    *r1.Fork       `json:"fork,omitempty"`
	Rebuild []string       `json:"rebuild,omitempty"`
	Drift   r1.DriftChoice `json:"drift,omitempty"`
	Stages  []Stage        `json:"stages"`
	// Against is the plan's estimate beside what happened, of a run that has ended.
	Against *estimate.Against `json:"plan_against_actual,omitempty"`
}

// Stage is one stage of a Status.
type Stage struct {
	Name      string             `json:"name"`
	Kind      r1.Kind            `json:"kind"`
	Title     string             `json:"title,omitempty"`
	State     r1.RunState        `json:"state"`
	Attempts  int                `json:"attempts"`          // of all its jobs together
	Retried   int                `json:"retried,omitempty"` // of these, those beyond the first of a job
	Ends      map[r1.Class]int   `json:"ends,omitempty"`    // how attempts failed, by class
	Started   time.Time          `json:"started,omitzero"`
	Ended     time.Time          `json:"ended,omitzero"`
	Seconds   float64            `json:"seconds"`
	Reused    bool               `json:"reused,omitempty"` // every job came from an earlier run
	Error     string             `json:"error,omitempty"`
	ErrorName string             `json:"error_name,omitempty"` // stable: docs/errors.md
	Remedy    string             `json:"remedy,omitempty"`
	Question  string             `json:"question,omitempty"` // it waits for the answer of a person; Remedy gives it
	Approved  *r1.Approval       `json:"approved,omitempty"` // who answered
	Gate      []r1.GateCheck     `json:"gate,omitempty"`     // what became of the conditions of its gate
	Reviewed  *r1.Review         `json:"reviewed,omitempty"` // what people said of its rows
	Metrics   map[string]float64 `json:"metrics,omitempty"`
	Outputs   []Output           `json:"outputs,omitempty"`
	To        string             `json:"to,omitempty"` // where a publish stage publishes to
	Jobs      []Job              `json:"jobs"`
}

// Output is a committed artifact of a stage.
type Output struct {
	Name   string          `json:"name"`
	Type   r1.ArtifactType `json:"type"`
	URI    string          `json:"uri"`
	SHA256 string          `json:"sha256"`
	Bytes  int64           `json:"bytes"`
}

// Job is one job of a stage.
type Job struct {
	Name      string             `json:"name"`
	State     r1.RunState        `json:"state"`
	Attempts  int                `json:"attempts"`
	Ends      map[r1.Class]int   `json:"ends,omitempty"` // how those that failed did, by class
	Step      int                `json:"step,omitempty"`
	Total     int                `json:"total,omitempty"`
	Phase     string             `json:"phase,omitempty"` // of a live attempt: see the constants
	Values    map[string]float64 `json:"values,omitempty"`
	Heartbeat time.Time          `json:"heartbeat,omitzero"`
	Since     *r1.Mark           `json:"since,omitempty"` // the trainer's first line
	Rate      float64            `json:"rate,omitempty"`  // steps a second since then
	ETA       float64            `json:"eta,omitempty"`   // seconds from the heartbeat to the job's last step, at that rate
	Text      map[string]string  `json:"text,omitempty"`  // the newest example: prompt and response
	Usage     *r1.Usage          `json:"usage,omitempty"` // of a live attempt now; of a committed one over all
	Timing    *r1.Timing         `json:"timing,omitempty"`
	Seconds   float64            `json:"seconds,omitempty"`
	Warnings  []r1.Warning       `json:"warnings,omitempty"` // of the guards on its training, oldest first
	// Rollbacks are those that it is made with, oldest first; a phase of RL has those
	// of the phases before it too.
	Rollbacks   []r1.Rollback `json:"rollbacks,omitempty"`
	Funnel      *r1.Funnel    `json:"funnel,omitempty"`
	ReusedFrom  string        `json:"reused_from,omitempty"`
	AdoptedFrom string        `json:"adopted_from,omitempty"` // the address outside, where no job made it
}

// Phases of a live attempt. Those between them are the agent's own words.
const (
	PhaseWaiting  = "waiting"  // prepared; no machine has taken it yet
	PhaseStarting = "starting" // the trainer has not written a line yet
	PhaseTrain    = "train"
)

// Reader reads the status of one run again and again; what cannot change any
// more is read once.
type Reader struct {
	store  Store
	run    *r1.Run
	layout r1.Layout

	mu      sync.Mutex
	commits map[r1.JobKey]r1.Commit
	before  map[r1.AttemptKey]before
}

// NewReader reads the status of a frozen run.
func NewReader(s Store, run *r1.Run) *Reader {
	return &Reader{store: s, run: run, layout: r1.Layout{Recipe: run.Recipe, Run: run.ID}, commits: map[r1.JobKey]r1.Commit{}, before: map[r1.AttemptKey]before{}}
}

// Status reads the run's state now.
func (r *Reader) Status(ctx context.Context) (*Status, error) {
	st := &Status{
		Run: r.run.ID, Recipe: r.run.Recipe, Profile: r.run.Profile, Created: r.run.Created,
		State: r1.RunPending, Retries: r.run.Plan.Retries, Amendments: r.run.Amendments, Stages: make([]Stage, len(r.run.Plan.Stages)),
		Fork: r.run.Fork, Rebuild: r.run.Rebuild, Drift: r.run.Drift,
	}
	var rec r1.RunRecord
	switch err := r.store.GetJSON(ctx, r.layout.StateFile(), &rec); {
	case err == nil:
		st.State, st.Started, st.Ended, st.Error = rec.State, rec.Started, rec.Ended, rec.Error
		st.Paused, st.Notice = rec.Paused, rec.Notice
		st.Seconds = span(rec.Started, rec.Ended)
		if rec.Retries != nil {
			st.Retries = rec.Retries
		}
	case !errors.Is(err, r1.ErrNotFound):
		return nil, fmt.Errorf("read the record of run %s: %w", r.run.ID, err)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range r.run.Plan.Stages {
		g.Go(func() error {
			stage, err := r.stage(gctx, &r.run.Plan.Stages[i])
			st.Stages[i] = stage
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	settle(st)
	var err error
	st.Against, err = r.against(st)
	return st, err
}

// settle marks the stages that a failed or cancelled run never reached, and those
// that nobody was there to end with it.
func settle(st *Status) {
	for i := range st.Stages {
		s := &st.Stages[i]
		if s.State == r1.RunPending && (st.State == r1.RunFailed || st.State == r1.RunCancelled) {
			s.State = r1.RunSkipped
		}
		if st.State == r1.RunCancelled && !s.State.Ended() {
			s.State, s.Question, s.Remedy = r1.RunCancelled, "", ""
		}
	}
}

func (r *Reader) stage(ctx context.Context, p *r1.PlannedStage) (Stage, error) {
	s := Stage{Name: p.Name, Kind: p.Kind, Title: p.Title, State: r1.RunPending, Jobs: make([]Job, 0, len(p.Jobs))}
	if len(p.Jobs) > 0 {
		s.To = r1.DestinationOf(p.Kind, p.Jobs[0].Params)
	}
	var rec r1.StageRecord
	switch err := r.store.GetJSON(ctx, r.layout.StageFile(p.Name), &rec); {
	case err == nil:
		s.State, s.Started, s.Ended = rec.State, rec.Started, rec.Ended
		s.Error, s.ErrorName, s.Remedy, s.Question = rec.Error, rec.ErrorName, rec.Remedy, rec.Question
		s.Seconds = span(rec.Started, rec.Ended)
	case !errors.Is(err, r1.ErrNotFound):
		return s, fmt.Errorf("read the record of stage %s: %w", p.Name, err)
	}
	if p.Gate != nil {
		var a r1.Approval
		switch err := r.store.GetJSON(ctx, r.layout.Approval(p.Name), &a); {
		case err == nil:
			s.Approved = &a
		case !errors.Is(err, r1.ErrNotFound):
			return s, fmt.Errorf("read the approval of stage %s: %w", p.Name, err)
		}
		if err := r.store.GetJSON(ctx, r.layout.GateChecks(p.Name), &s.Gate); err != nil && !errors.Is(err, r1.ErrNotFound) {
			return s, fmt.Errorf("read the gate of stage %s: %w", p.Name, err)
		}
	}
	if p.Gate != nil && p.Gate.Review != nil && len(p.Jobs) > 0 {
		var said r1.Review
		switch err := r.store.GetJSON(ctx, r.layout.Review(p.Name, p.Jobs[0].Fingerprint), &said); {
		case err == nil:
			s.Reviewed = &said
		case !errors.Is(err, r1.ErrNotFound):
			return s, fmt.Errorf("read the review of stage %s: %w", p.Name, err)
		}
	}
	reused := 0
	for i := range p.Jobs {
		job, commit, err := r.job(ctx, &p.Jobs[i], s.State)
		if err != nil {
			return s, err
		}
		s.Jobs = append(s.Jobs, job)
		s.count(&job)
		if commit == nil {
			continue
		}
		if commit.ReusedFrom != nil {
			reused++
		}
		s.Metrics = mergeMetrics(s.Metrics, p, &p.Jobs[i], commit)
		s.Outputs = append(s.Outputs, outputsOf(p, &p.Jobs[i], commit)...)
	}
	s.Reused = reused == len(p.Jobs)
	s.spare(p)
	return s, nil
}

// spare marks the shards that did not run, because what they are part of was there.
func (s *Stage) spare(p *r1.PlannedStage) {
	for i, whole := range p.Jobs {
		if len(whole.Join) == 0 || s.Jobs[i].State != r1.RunCompleted {
			continue
		}
		for k := range s.Jobs {
			if slices.Contains(whole.Join, s.Jobs[k].Name) && s.Jobs[k].State != r1.RunCompleted {
				s.Jobs[k].State = r1.RunSkipped
			}
		}
		s.Reused = s.Jobs[i].ReusedFrom != ""
	}
}

func (r *Reader) job(ctx context.Context, p *r1.PlannedJob, stage r1.RunState) (Job, *r1.Commit, error) {
	j := Job{Name: p.Name, State: r1.RunPending, Total: p.ToStep}
	key := r1.JobKey{Run: r.run.ID, Stage: p.Stage, Job: p.Name}
	commit, err := r.commit(ctx, key)
	if err != nil && !errors.Is(err, r1.ErrNotFound) {
		return j, nil, fmt.Errorf("read the commit of %s: %w", key, err)
	}
	if err == nil {
		j.State, j.Attempts, j.Step, j.Funnel = r1.RunCompleted, commit.Attempt, commit.Steps, commit.Funnel
		j.Seconds, j.Timing, j.Usage = span(commit.Started, commit.Ended), commit.Timing, commit.Usage
		j.Warnings, j.Rollbacks = commit.Warnings, commit.Rollbacks
		if commit.ReusedFrom != nil {
			j.ReusedFrom = commit.ReusedFrom.String()
			if commit.Made != nil && commit.Made.Adopted != nil {
				j.AdoptedFrom = commit.Made.Adopted.From
			}
			return j, &commit, nil
		}
		before, err := r.beforeAttempt(ctx, key.Attempt(j.Attempts))
		j.Ends = before.ends
		return j, &commit, err
	}
	if stage == r1.RunPending || stage == r1.RunWaiting {
		return j, nil, nil
	}
	for prefix, err := range r.store.ListPrefixes(ctx, r.layout.Job(key)+"/") {
		if err != nil {
			return j, nil, fmt.Errorf("list the attempts of %s: %w", key, err)
		}
		if n, err := strconv.Atoi(path.Base(strings.TrimSuffix(prefix, "/"))); err == nil {
			j.Attempts = max(j.Attempts, n)
		}
	}
	if j.Attempts == 0 {
		return j, nil, nil
	}
	before, err := r.beforeAttempt(ctx, key.Attempt(j.Attempts))
	if err != nil {
		return j, nil, err
	}
	j.Rollbacks = before.rollbacks
	if j.Ends, err = r.endsOf(ctx, key.Attempt(j.Attempts), before.ends, stage); err != nil {
		return j, nil, err
	}
	j.State, j.Phase = stage, PhaseWaiting
	var beat r1.Heartbeat
	err = r.store.GetJSON(ctx, path.Join(r.layout.Attempt(key.Attempt(j.Attempts)), r1.HeartbeatFile), &beat)
	if err != nil && !errors.Is(err, r1.ErrNotFound) {
		return j, nil, fmt.Errorf("read the heartbeat of %s: %w", key, err)
	}
	if err == nil {
		j.live(&beat)
	}
	return j, nil, nil
}

// live takes over what the agent said last. Older agents leave fields out.
func (j *Job) live(beat *r1.Heartbeat) {
	j.Step, j.Phase, j.Values, j.Heartbeat = beat.Step, beat.Phase, beat.Values, beat.Time
	j.Since, j.Text, j.Usage, j.Warnings = beat.Since, beat.Text, beat.Usage, beat.Warnings
	j.Rate, j.ETA = beat.Rate(), beat.Left().Seconds()
	if beat.Total > 0 {
		j.Total = beat.Total
	}
	if j.Phase == PhaseTrain && j.Since == nil && j.Step == 0 && len(j.Values) == 0 {
		j.Phase = PhaseStarting
	}
}

func (r *Reader) commit(ctx context.Context, key r1.JobKey) (r1.Commit, error) {
	r.mu.Lock()
	c, ok := r.commits[key]
	r.mu.Unlock()
	if ok {
		return c, nil
	}
	c, err := r.store.FindCommit(ctx, r.layout, key)
	if err != nil {
		return c, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commits[key] = c
	return c, nil
}

// mergeMetrics gives a stage the numbers of its last job, or, where jobs stand
// side by side (students), each job's numbers under its name.
func mergeMetrics(into map[string]float64, p *r1.PlannedStage, job *r1.PlannedJob, c *r1.Commit) map[string]float64 {
	if p.Kind != r1.KindDistill {
		return c.Metrics
	}
	if into == nil {
		into = map[string]float64{}
	}
	for name, v := range c.Metrics {
		into[job.Name+"."+name] = v
	}
	return into
}

// outputsOf lists the stage outputs that this job makes.
func outputsOf(p *r1.PlannedStage, job *r1.PlannedJob, c *r1.Commit) []Output {
	var out []Output
	for _, decl := range job.Outputs {
		for name, ref := range p.Outputs {
			if ref.Job == job.Name && ref.Output == decl.Name {
				a := c.Outputs[decl.Name]
				out = append(out, Output{Name: name, Type: a.Type, URI: a.URI, SHA256: a.SHA256, Bytes: a.Bytes})
			}
		}
	}
	return out
}

// span is the seconds from start to end, or to now while there is no end.
func span(start, end time.Time) float64 {
	if start.IsZero() {
		return 0
	}
	if end.IsZero() {
		end = time.Now()
	}
	return end.Sub(start).Round(time.Millisecond).Seconds()
}
