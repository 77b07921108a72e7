package report

import (
	"slices"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Timeline says where the time of a run went.
type Timeline struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"` // now, while the run goes on
	// Critical is the chain of jobs each of which needed the one before, back from the one that ended last.
	Critical []JobName `json:"critical,omitempty"`
	Path     Spent     `json:"path"`     // along the critical path: adds up to End - Start
	Attempts Spent     `json:"attempts"` // of all attempts together, in seconds of attempts
	// Unsplit counts attempts on machines that did not report where their time went.
	Unsplit int `json:"unsplit,omitempty"`
}

// JobName names a job of the run.
type JobName struct {
	Stage string `json:"stage"`
	Job   string `json:"job"`
}

func (n JobName) String() string {
	if n.Job == r1.MainJob {
		return n.Stage
	}
	return n.Stage + "/" + n.Job
}

// Spent is seconds by what they were spent on.
type Spent struct {
	Train    float64 `json:"train"`    // trainers at work
	Startup  float64 `json:"startup"`  // trainers starting: imports, model load
	Download float64 `json:"download"` // inputs to the machine
	Upload   float64 `json:"upload"`   // outputs to S3
	Compute  float64 `json:"compute"`  // data work in r1ctl itself (curate)
	Queue    float64 `json:"queue"`    // waiting while other jobs' trainers ran
	Idle     float64 `json:"idle"`     // nothing of the above: control, launching, polling, waiting for a machine
	Unsplit  float64 `json:"unsplit"`  // attempts that do not say
}

// Total is the sum.
func (s Spent) Total() float64 {
	return s.Train + s.Startup + s.Download + s.Upload + s.Compute + s.Queue + s.Idle + s.Unsplit
}

// Outside is what neither a trainer of this chain nor one it queued behind used.
func (s Spent) Outside() float64 { return s.Download + s.Upload + s.Compute + s.Idle }

func (s *Spent) add(o Spent) {
	s.Train += o.Train
	s.Startup += o.Startup
	s.Download += o.Download
	s.Upload += o.Upload
	s.Compute += o.Compute
	s.Queue += o.Queue
	s.Idle += o.Idle
	s.Unsplit += o.Unsplit
}

// timeline finds the critical path and says what its time was spent on.
func timeline(plan origins, r *Report) Timeline {
	t := Timeline{Start: r.Started, End: r.Ended}
	if t.Start.IsZero() {
		t.Start = r.Created
	}
	last := lastEnded(r)
	if t.End.IsZero() {
		t.End = r.Generated
		if !r.Live() && last != nil {
			t.End = last.end() // interrupted: nobody knows when
		}
	}
	for i := range r.Stages {
		for k := range r.Stages[i].Jobs {
			for n := range r.Stages[i].Jobs[k].Attempts {
				a := &r.Stages[i].Jobs[k].Attempts[n]
				if a.Started.IsZero() {
					continue // it has not begun
				}
				t.Attempts.add(spent(a.slices(r.Stages[i].Kind), span{a.Started, a.last()}))
				if a.Timing == nil && !a.Ended.IsZero() && !r.Stages[i].Kind.Computed() {
					t.Unsplit++
				}
				if !a.Created.IsZero() && a.Started.After(a.Created) {
					t.Attempts.Queue += a.Started.Sub(a.Created).Seconds()
				}
			}
		}
	}
	trainers := trainersAtWork(r)
	until := t.End
	for j := last; j != nil; {
		t.Critical = append(t.Critical, JobName{j.plan.Stage, j.Name})
		before := latest(dependencies(plan, r, j.plan))
		from := t.Start
		if before != nil && before.end().After(from) {
			from = before.end()
		}
		t.Path.add(along(j, span{from, until}, trainers))
		if from.Before(until) {
			until = from
		}
		if before == nil {
			break
		}
		j = before
	}
	slices.Reverse(t.Critical)
	if last == nil {
		t.Path.Idle = span{t.Start, t.End}.seconds()
	}
	return t
}

// along says what the stretch that belongs to a job was spent on: its own
// attempts, else waiting behind other jobs' trainers, else nothing.
func along(j *Job, stretch span, trainers []span) Spent {
	var parts []slice
	var own []span
	for n := range j.Attempts {
		for _, p := range j.Attempts[n].slices(j.plan.Kind) {
			if p.span = p.clip(stretch); p.seconds() > 0 {
				parts, own = append(parts, p), append(own, p.span)
			}
		}
	}
	out := spent(parts, stretch)
	out.Queue = union(append(clipAll(trainers, stretch), own...)) - union(own)
	out.Idle = max(0, out.Idle-out.Queue)
	return out
}

// spent adds up slices; what they leave of the stretch is idle.
func spent(parts []slice, stretch span) Spent {
	var out Spent
	var all []span
	for _, p := range parts {
		*p.in(&out) += p.seconds()
		all = append(all, p.span)
	}
	out.Idle = max(0, stretch.seconds()-union(all))
	return out
}

// trainersAtWork are the stretches in which a trainer process lived.
func trainersAtWork(r *Report) []span {
	var out []span
	for i := range r.Stages {
		for k := range r.Stages[i].Jobs {
			for n := range r.Stages[i].Jobs[k].Attempts {
				for _, p := range r.Stages[i].Jobs[k].Attempts[n].slices(r.Stages[i].Kind) {
					var probe Spent
					if f := p.in(&probe); f == &probe.Train || f == &probe.Startup || f == &probe.Unsplit {
						out = append(out, p.span)
					}
				}
			}
		}
	}
	return out
}

// end is the last that is known of a job; zero when nothing is.
func (j *Job) end() time.Time {
	if j.commit != nil {
		return j.commit.Ended
	}
	var t time.Time
	for n := range j.Attempts {
		if l := j.Attempts[n].last(); l.After(t) {
			t = l
		}
	}
	return t
}

func lastEnded(r *Report) *Job {
	var all []*Job
	for i := range r.Stages {
		for k := range r.Stages[i].Jobs {
			all = append(all, &r.Stages[i].Jobs[k])
		}
	}
	return latest(all)
}

// latest is the job that ended last, or nil.
func latest(jobs []*Job) *Job {
	var out *Job
	for _, j := range jobs {
		if e := j.end(); !e.IsZero() && (out == nil || e.After(out.end())) {
			out = j
		}
	}
	return out
}

// dependencies are the jobs that must be done before a job begins.
func dependencies(plan origins, r *Report, p *r1.PlannedJob) []*Job {
	var out []*Job
	for _, ref := range p.Inputs {
		out = append(out, r.job(ref.Stage, ref.Job))
	}
	for _, name := range p.After {
		out = append(out, r.job(p.Stage, name))
	}
	for _, name := range plan.plan.Stage(p.Stage).Needs {
		if s := r.stage(name); s != nil {
			for i := range s.Jobs {
				out = append(out, &s.Jobs[i])
			}
		}
	}
	return slices.DeleteFunc(out, func(j *Job) bool { return j == nil })
}
