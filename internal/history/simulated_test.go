package history

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// queue is the attempts queue of the simulated machine.
const queue = "simulated-machine"

// simulated stands in for the activities: attempts end at once, as a script says.
type simulated struct {
	// preempt is how many attempts of each job, by stage/job, end as preempted.
	preempt map[string]int
	// beats is how often an attempt heartbeats.
	beats int
	// live is what an attempt does before it ends; nil: nothing.
	live func(context.Context, tasks.AttemptRef) error

	mu        sync.Mutex
	attempts  map[string]bool // their keys: two activities may follow one for a moment
	computed  int
	heartbeat int // bytes of the largest heartbeat
	jobs      map[string]bool
	state     r1.RunState // of the stage that was recorded last
}

// is says whether the newest record of a stage says so.
func (s *simulated) is(state r1.RunState) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == state
}

func (s *simulated) register(w worker.ActivityRegistry) {
	add := func(name string, f any) {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	add(tasks.FindCommit, func(context.Context, tasks.JobRef) (tasks.Found, error) { return tasks.Found{}, nil })
	add(tasks.PrepareAttempt, func(_ context.Context, in tasks.PrepareInput) (tasks.AttemptRef, error) {
		return tasks.AttemptRef{JobRef: in.JobRef, Attempt: in.After + 1, Queue: queue, Resume: in.After * 10}, nil
	})
	add(tasks.RecordStage, func(_ context.Context, st tasks.StageState) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.state = st.State
		return nil
	})
	add(tasks.RecordRun, func(context.Context, tasks.RunState) error { return nil })
	add(tasks.FindUnended, func(context.Context, tasks.RunRef) ([]tasks.AttemptRef, error) { return nil, nil })
	add(tasks.Compute, func(_ context.Context, ref tasks.JobRef) (tasks.Computed, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.computed++
		return tasks.Computed{Metrics: map[string]float64{"rows_in": 2000, "rows": 1900}}, nil
	})
}

func (s *simulated) registerAttempts(w worker.ActivityRegistry) {
	w.RegisterActivityWithOptions(s.run, activity.RegisterOptions{Name: tasks.RunAttempt})
}

// run is an attempt that heartbeats as the real one does, and makes what a real one
// would say of its end.
func (s *simulated) run(ctx context.Context, ref tasks.AttemptRef) (tasks.AttemptEnd, error) {
	p := tasks.Progress{
		Attempt: ref.Attempt, State: "running", Phase: "train", Step: 1_039_960, Total: 1_040_000, ETA: "719h59m59s",
		Checkpoint: 1_039_920, Host: "gpu-node-0123.cluster.example",
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return tasks.AttemptEnd{}, fmt.Errorf("encode a heartbeat: %w", err)
	}
	for range s.beats {
		activity.RecordHeartbeat(ctx, p)
	}
	if s.live != nil {
		if err := s.live(ctx, ref); err != nil {
			return tasks.AttemptEnd{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heartbeat = max(s.heartbeat, len(raw))
	if s.jobs == nil {
		s.jobs, s.attempts = map[string]bool{}, map[string]bool{}
	}
	s.jobs[ref.Stage+"/"+ref.Job] = true
	s.attempts[ref.AttemptKey().String()] = true
	if ref.Attempt <= s.preempt[ref.Stage+"/"+ref.Job] {
		return tasks.AttemptEnd{
			Outcome: r1.Preempted, Class: r1.ClassPreempted, Name: "walltime", Step: ref.Resume + 10,
			Error:  "preempted: the walltime of 12h0m0s is over; what was trained until step 1039960 is saved",
			Remedy: "nothing to do: the next attempt goes on from the newest checkpoint",
		}, nil
	}
	return tasks.AttemptEnd{Committed: true, Outcome: r1.Succeeded, Step: 1_040_000, Metrics: map[string]float64{
		"reward": 1.8349, "accuracy": 0.8412, "format": 0.9967, "kl": 0.0123, "tokens": 812.4, "pass@1": 0.7912, "cons@k": 0.8671,
	}}, nil
}
