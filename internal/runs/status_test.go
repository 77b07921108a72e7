package runs

import (
	"context"
	"encoding/json"
	"iter"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// objects is a store in memory.
type objects map[string]any

func (o objects) GetJSON(_ context.Context, key string, v any) error {
	x, ok := o[key]
	if !ok {
		return r1.ErrNotFound
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func (o objects) PutJSON(_ context.Context, key string, v any) error { o[key] = v; return nil }

func (o objects) PutJSONIfAbsent(_ context.Context, key string, v any) (bool, error) {
	if _, taken := o[key]; taken {
		return false, nil
	}
	o[key] = v
	return true, nil
}

func (o objects) List(context.Context, string) iter.Seq2[artifact.Object, error] {
	return func(func(artifact.Object, error) bool) {}
}

func (o objects) ListPrefixes(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		seen := map[string]bool{}
		for key := range o {
			rest, below := strings.CutPrefix(key, prefix)
			folder, _, deeper := strings.Cut(rest, "/")
			if below && deeper && !seen[folder] {
				seen[folder] = true
				if !yield(prefix+folder+"/", nil) {
					return
				}
			}
		}
	}
}

func (o objects) FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error) {
	var c r1.Commit
	return c, o.GetJSON(ctx, l.Commit(key), &c)
}

// one is a run of one stage with one job, in its second attempt.
func one(t *testing.T, beat *r1.Heartbeat) (objects, *r1.Run) {
	t.Helper()
	run := &r1.Run{ID: "r", Recipe: "x", Plan: r1.Plan{Stages: []r1.PlannedStage{{
		Name: "zero", Kind: r1.KindGRPO, Jobs: []r1.PlannedJob{{Stage: "zero", Name: r1.MainJob, ToStep: 80}},
	}}}}
	l := r1.Layout{Recipe: "x", Run: "r"}
	key := r1.JobKey{Run: "r", Stage: "zero", Job: r1.MainJob}
	o := objects{
		l.StateFile():       r1.RunRecord{Run: "r", State: r1.RunRunning, Started: time.Now()},
		l.StageFile("zero"): r1.StageRecord{Stage: "zero", State: r1.RunRunning, Started: time.Now()},
	}
	for n := 1; n <= 2; n++ {
		o[path.Join(l.Attempt(key.Attempt(n)), r1.SpecFile)] = r1.Spec{}
	}
	if beat != nil {
		o[path.Join(l.Attempt(key.Attempt(2)), r1.HeartbeatFile)] = *beat
	}
	return o, run
}

func TestLiveJobs(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		beat *r1.Heartbeat
		want Job
	}{
		"no machine yet": {nil, Job{Phase: PhaseWaiting, Total: 80}},
		"inputs arrive":  {&r1.Heartbeat{Phase: "download", Time: at}, Job{Phase: "download", Total: 80}},
		"the trainer loads": {
			&r1.Heartbeat{Phase: PhaseTrain, Time: at}, Job{Phase: PhaseStarting, Total: 80},
		},
		"it trains": {
			&r1.Heartbeat{Phase: PhaseTrain, Time: at.Add(10 * time.Second), Step: 60, Total: 80, Since: &r1.Mark{Step: 40, Time: at}},
			Job{Phase: PhaseTrain, Step: 60, Total: 80, Rate: 2, ETA: 10},
		},
		"an older agent names no first line": {
			&r1.Heartbeat{Phase: PhaseTrain, Time: at, Step: 60, Total: 80}, Job{Phase: PhaseTrain, Step: 60, Total: 80},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, run := one(t, c.beat)
			st, err := NewReader(o, run).Status(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			got := st.Stages[0].Jobs[0]
			if got.Attempts != 2 || got.State != r1.RunRunning {
				t.Errorf("%+v, want the second attempt running", got)
			}
			if got.Phase != c.want.Phase || got.Step != c.want.Step || got.Total != c.want.Total || got.Rate != c.want.Rate || got.ETA != c.want.ETA {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestStatusNamesTheFailure(t *testing.T) {
	o, run := one(t, nil)
	o[r1.Layout{Recipe: "x", Run: "r"}.StageFile("zero")] = r1.StageRecord{State: r1.RunFailed, Error: "it broke", ErrorName: "trainer-failed", Remedy: "mend it"}
	st, err := NewReader(o, run).Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if s := st.Stages[0]; s.ErrorName != "trainer-failed" || s.Remedy != "mend it" {
		t.Errorf("stage %+v lacks the error's name and remedy", s)
	}
}
