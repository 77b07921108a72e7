package retention

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestRules(t *testing.T) {
	keep := Rules{Checkpoints: "keep"}
	for name, c := range map[string]struct {
		policy Policy
		want   []string // below full/
	}{
		"by default nothing that is committed goes": {policy: Policy{}},
		"samples that are old enough":               {policy: Policy{Site: Rules{Samples: "30d"}}, want: []string{"old/pool/out"}},
		"all samples":                               {policy: Policy{Site: Rules{Samples: "none"}}, want: []string{"old/pool/out", "young/pool/out"}},
		"samples are no datasets":                   {policy: Policy{Site: Rules{Datasets: "none"}}},
		"models of one stage":                       {policy: Policy{Stages: map[string]Rules{"zero": {Models: "none"}}}, want: []string{"old/zero/out", "young/zero/out"}},
		"a stage's rule beats the site's": {policy: Policy{Site: Rules{Models: "none"}, Stages: map[string]Rules{"zero": {Models: "keep"}}},
			want: []string{"old/mind/out", "young/mind/out"}},
		"whole runs by age":             {policy: Policy{Site: keep, OlderThan: 30 * 24 * time.Hour}, want: []string{"old/zero/out", "old/pool/out", "old/mind/out"}},
		"whole runs but for the newest": {policy: Policy{Site: keep, KeepLast: 1}, want: []string{"old/zero/out", "old/pool/out", "old/mind/out"}},
		"both must agree":               {policy: Policy{Site: keep, KeepLast: 2, OlderThan: 24 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for id, days := range map[string]int{"old": 60, "young": 3} {
				l := w.run(id, id, r1.RunCompleted, days)
				for _, stage := range []string{"zero", "pool", "mind"} {
					w.make(l, id, stage, days)
				}
			}
			w.want(w.survey(c.policy).Items, c.want...)
		})
	}
}

func TestBadRulesAreRefused(t *testing.T) {
	for _, p := range []Policy{
		{Site: Rules{Checkpoints: "some"}}, {Site: Rules{Models: "30"}}, {Stages: map[string]Rules{"zero": {Samples: "-3d"}}},
	} {
		_, err := Survey(t.Context(), nil, p, nil, time.Now())
		if e, ok := r1.AsError(err); !ok || e.Name != "config-invalid" || e.Remedy == "" {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "2w": 336 * time.Hour, "36h": 36 * time.Hour} {
		if got, err := ParseAge(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
}

// Equal files are stored once: what one run points to in another stays, the rest goes,
// and it goes too when nobody points there any more.
func TestSharedObjectsStayAsLongAsTheyAreNeeded(t *testing.T) {
	w := newWorld(t)
	old, young := w.run("old", "a", r1.RunCompleted, 60), w.run("young", "b", r1.RunCompleted, 3)
	first := w.make(old, "a", "zero", 60)
	second := w.upload(young, "zero", 1, map[string][]byte{"model.safetensors": bytesOf("azero"), "config.json": []byte(`{"other": 1}`)})
	w.commit(young, "b", "zero", 1, second, 3)
	byAge := Policy{OlderThan: 30 * 24 * time.Hour}
	found := w.survey(byAge)
	w.want(found.Items, "old/zero/out")
	if found.Items[0].Shared < 1<<20 {
		t.Errorf("shared %d bytes", found.Items[0].Shared)
	}
	w.sweep(byAge)
	w.gone(first.Prefix + "/" + r1.ManifestFile)
	w.gone(first.Prefix + "/config.json")
	w.whole(second)
	w.want(w.survey(byAge).Items)
	w.sweep(Policy{KeepLast: 1, OlderThan: time.Hour}) // young is the newest, and stays
	w.whole(second)
	w.sweep(Policy{OlderThan: time.Hour})
	w.gone(second.Prefix + "/config.json")
	w.gone(first.Prefix + "/model.safetensors")
}

func TestWhatAnotherRunReusesStays(t *testing.T) {
	w := newWorld(t)
	old := w.run("old", "a", r1.RunCompleted, 60)
	a := w.make(old, "a", "zero", 60)
	reuser := w.run("young", "a", r1.RunCompleted, 3)
	w.commit(reuser, "a", "zero", 0, a, 3)
	w.want(w.survey(Policy{OlderThan: 30 * 24 * time.Hour}).Items)
}

// A run that has just begun has committed nothing yet, and may reuse what is there.
func TestWhatARunThatGoesOnMayReuseStays(t *testing.T) {
	w := newWorld(t)
	old := w.run("old", "a", r1.RunCompleted, 60)
	w.make(old, "a", "zero", 60)
	w.run("new", "a", r1.RunPending, 0)
	w.want(w.survey(Policy{OlderThan: 30 * 24 * time.Hour}).Items)
}

func TestARunThatIsNotOverKeepsWhatItNeeds(t *testing.T) {
	rules := Policy{Site: Rules{Samples: "none", Models: "none"}, OlderThan: time.Hour}
	for name, c := range map[string]struct {
		state r1.RunState
		open  bool
		want  []string
	}{
		"it runs":             {r1.RunRunning, true, []string{"r/zero/out"}},
		"its engine was lost": {r1.RunRunning, false, []string{"r/zero/out"}},
		"its record says failed, but it was resumed": {r1.RunFailed, true, []string{"r/zero/out"}},
		"it is over, and given up as a whole":        {r1.RunFailed, false, []string{"r/zero/out", "r/pool/out"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l := w.run("r", "a", c.state, 60)
			w.open["r"] = c.open
			w.make(l, "a", "zero", 60) // pool, which takes it, is committed: none of it is needed
			w.make(l, "a", "pool", 60) // mind, which takes it, is not
			w.want(w.survey(rules).Items, c.want...)
		})
	}
}

func TestCheckpoints(t *testing.T) {
	w := newWorld(t)
	l := w.run("r", "a", r1.RunRunning, 1)
	w.open["r"] = true
	a := w.make(l, "a", "zero", 1)
	m, err := w.store.Manifest(t.Context(), a)
	w.must(err)
	w.checkpoint(l, "zero", 1, 10, true)
	w.checkpoint(l, "zero", 1, 20, true, m.Files...)
	w.checkpoint(l, "zero", 1, 30, false)
	w.checkpoint(l, "pool", 1, 10, true) // of a job that is not committed
	w.checkpoint(l, "pool", 1, 20, false)
	w.want(w.survey(Policy{}).Items, "r/_jobs/zero/main/1/checkpoints/step-30")
	one := Policy{Site: Rules{Checkpoints: "1"}}
	w.want(w.survey(one).Items, "r/_jobs/zero/main/1/checkpoints/step-30", "r/_jobs/zero/main/1/checkpoints/step-10")
	w.sweep(Policy{Site: Rules{Checkpoints: "none"}})
	w.want(w.survey(one).Items)
	w.whole(a) // a checkpoint pointed to it
}

func TestWhatAttemptsLeft(t *testing.T) {
	w := newWorld(t)
	l := w.run("r", "a", r1.RunRunning, 1)
	w.open["r"] = true
	weights := map[string][]byte{"model.safetensors": bytesOf("lost")}
	w.upload(l, "zero", 1, weights) // it failed after it had stored its output
	w.result(l, "zero", 1, r1.Failed)
	w.upload(l, "zero", 3, map[string][]byte{"x": []byte("late")}) // it may still write: no result
	winner := w.upload(l, "zero", 2, weights)
	w.result(l, "zero", 2, r1.Succeeded)
	w.must(w.store.PutBytes(t.Context(), "full/r/pool/out/half.jsonl", []byte("{}"))) // an upload under way
	w.must(w.store.PutBytes(t.Context(), "full/r/notes/manifest.json", []byte("[]"))) // nobody's
	// Attempt 2 succeeded, and is about to be committed. It points to the file of attempt 1.
	found := w.survey(Policy{}).Items
	w.want(found, "r/zero/out")
	if len(found) == 1 && found[0].Shared < 1<<20 {
		t.Errorf("shared %d bytes", found[0].Shared)
	}
	w.commit(l, "a", "zero", 2, winner, 0)
	w.sweep(Policy{})
	w.whole(winner)
	w.open["r"] = false
	w.must(w.store.PutJSON(t.Context(), l.StateFile(), r1.RunRecord{State: r1.RunFailed, Ended: w.now}))
	w.want(w.survey(Policy{}).Items, "r/zero/out.attempt-3")
}

func TestForeignObjectsStay(t *testing.T) {
	w := newWorld(t)
	l := w.run("old", "a", r1.RunCompleted, 60)
	a := w.make(l, "a", "zero", 60)
	w.must(w.store.PutBytes(t.Context(), a.Prefix+"/notes.txt", []byte("mine")))
	w.must(w.store.PutBytes(t.Context(), "elsewhere/zero/out/manifest.json", []byte("{}")))
	w.sweep(Policy{OlderThan: time.Hour})
	for _, key := range []string{a.Prefix + "/notes.txt", "elsewhere/zero/out/manifest.json", l.RunFile(), l.StateFile(),
		l.Commit(r1.JobKey{Run: "old", Stage: "zero", Job: r1.MainJob}), r1.RunIndex("old")} {
		if there, err := w.store.Exists(t.Context(), key); err != nil || !there {
			t.Errorf("%s is gone (%v)", key, err)
		}
	}
	w.gone(a.Prefix + "/" + r1.ManifestFile)
}

// What cannot be read is no reason to remove anything.
func TestAnOutageRemovesNothing(t *testing.T) {
	w := newWorld(t)
	l := w.run("old", "a", r1.RunCompleted, 60)
	a := w.make(l, "a", "zero", 60)
	away := errors.New("temporal is away")
	_, err := Survey(t.Context(), w.store, Policy{OlderThan: time.Hour}, func(context.Context, string) (bool, error) { return false, away }, w.now)
	if !errors.Is(err, away) {
		t.Errorf("error %v", err)
	}
	w.must(w.store.PutBytes(t.Context(), l.Commit(r1.JobKey{Run: "old", Stage: "pool", Job: r1.MainJob}), []byte("{")))
	if _, err := Survey(t.Context(), w.store, Policy{OlderThan: time.Hour}, w.isOpen, w.now); err == nil {
		t.Error("a commit that cannot be read was passed over")
	}
	w.whole(a)
}

// Between the first look and the word that things will go, somebody may begin to need them.
func TestWhatBecomesNeededMeanwhileIsSpared(t *testing.T) {
	for name, begin := range map[string]func(w *world, a r1.Artifact){
		"a run starts that may reuse it": func(w *world, _ r1.Artifact) { w.run("new", "a", r1.RunPending, 0) },
		"the run is resumed":             func(w *world, _ r1.Artifact) { w.open["old"] = true },
		"a run has reused it":            func(w *world, a r1.Artifact) { w.commit(w.run("new", "a", r1.RunRunning, 0), "a", "zero", 0, a, 0) },
		"an upload points to its files": func(w *world, _ r1.Artifact) {
			w.upload(w.run("new", "b", r1.RunRunning, 0), "zero", 1, map[string][]byte{"model.safetensors": bytesOf("azero")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l := w.run("old", "a", r1.RunCompleted, 60)
			a := w.make(l, "a", "zero", 60)
			p := Policy{OlderThan: 30 * 24 * time.Hour}
			found := w.survey(p)
			w.want(found.Items, "old/zero/out")
			begin(w, a)
			_, err := w.sweeper(p).Sweep(t.Context(), found)
			w.must(err)
			if there, err := w.store.Exists(t.Context(), a.Prefix+"/model.safetensors"); err != nil || !there {
				t.Errorf("the model is gone (%v)", err)
			}
			if d, err := w.store.Doomed(t.Context()); err != nil || d != nil {
				t.Errorf("still doomed: %+v, %v", d, err)
			}
		})
	}
}

// mortal dies at its n-th write.
type mortal struct {
	*artifact.Store
	left int
}

var errKilled = errors.New("killed")

func (m *mortal) die() error {
	m.left--
	if m.left < 0 {
		return errKilled
	}
	return nil
}

func (m *mortal) Doom(ctx context.Context, d artifact.Doomed) error {
	if err := m.die(); err != nil {
		return err
	}
	return m.Store.Doom(ctx, d)
}

func (m *mortal) PutJSON(ctx context.Context, key string, v any) error {
	if err := m.die(); err != nil {
		return err
	}
	return m.Store.PutJSON(ctx, key, v)
}

func (m *mortal) Delete(ctx context.Context, key string) error {
	if err := m.die(); err != nil {
		return err
	}
	return m.Store.Delete(ctx, key)
}

func (m *mortal) Spare(ctx context.Context, d artifact.Doomed) error {
	if err := m.die(); err != nil {
		return err
	}
	return m.Store.Spare(ctx, d)
}

// Killed before any of its writes, it leaves nothing that seems whole and is not,
// and the next call ends what it began.
func TestKilledAnywhereTheNextCallGoesOn(t *testing.T) {
	p := Policy{OlderThan: 30 * 24 * time.Hour}
	for n := 0; ; n++ {
		w := newWorld(t)
		old, young := w.run("old", "a", r1.RunCompleted, 60), w.run("young", "b", r1.RunCompleted, 3)
		first := w.make(old, "a", "zero", 60)
		w.checkpoint(old, "zero", 1, 10, true)
		second := w.upload(young, "zero", 1, map[string][]byte{"model.safetensors": bytesOf("azero"), "c": []byte("x")})
		w.commit(young, "b", "zero", 1, second, 3)

		s := w.sweeper(p)
		s.Store, s.PID = &mortal{w.store, n}, 1<<30 // a process that is gone
		_, err := s.Sweep(t.Context(), w.survey(p))
		w.whole(second)
		m, readErr := w.store.Manifest(t.Context(), first)
		if readErr == nil {
			if damage, err := w.store.CheckFiles(t.Context(), m.Files, nil); err != nil || len(damage) > 0 {
				t.Errorf("after %d writes it seems whole, and is not: %v, %v", n, damage, err)
			}
		} else if !errors.Is(readErr, r1.ErrNotFound) {
			t.Fatal(readErr)
		}
		w.sweep(p)
		w.whole(second)
		objects, listErr := w.store.FilesUnder(t.Context(), first.Prefix)
		w.must(listErr)
		if len(objects) != 1 || !strings.HasSuffix(objects[0].Key, "model.safetensors") {
			t.Errorf("after %d writes and another call there is %v", n, objects)
		}
		if err == nil {
			if n < 5 {
				t.Errorf("it needed only %d writes", n)
			}
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
}

// What was adopted points to files of a run and belongs to none; a fork that is under way
// takes commits whose fingerprint nobody plans any more.
func TestWhatOthersPointToStays(t *testing.T) {
	w := newWorld(t)
	l := w.run("old", "old", r1.RunCompleted, 60)
	zero, pool := w.make(l, "old", "zero", 60), w.make(l, "old", "pool", 60)
	m, err := w.store.Manifest(t.Context(), zero)
	w.must(err)
	w.must(w.store.PutJSON(t.Context(), "full/adopted-1/zero/out/"+r1.ManifestFile, m))
	w.must(w.store.PutJSON(t.Context(), r1.AdoptedIndex(r1.Layout{Recipe: "full", Run: "adopted-1"}), r1.AdoptedEntry{Recipe: "full", Prefix: "full/adopted-1/zero/out"}))
	fork := w.run("fork", "fork", r1.RunRunning, 1)
	var run r1.Run
	w.must(w.store.GetJSON(t.Context(), fork.RunFile(), &run))
	job := &run.Plan.Stage("pool").Jobs[0]
	job.Take = &r1.Taken{Recipe: "full", JobKey: r1.JobKey{Run: "old", Stage: "pool", Job: job.Name}}
	w.must(w.store.PutJSON(t.Context(), fork.RunFile(), run))

	// The run that took it relies on it also when the adoption is taken back.
	taker := w.run("taker", "taker", r1.RunCompleted, 1)
	adopted := zero
	adopted.Prefix = "full/adopted-1/zero/out"
	w.must(w.store.PutJSON(t.Context(), taker.Commit(r1.JobKey{Run: "taker", Stage: "zero", Job: r1.MainJob}),
		r1.Commit{Version: 1, Key: r1.JobKey{Run: "taker", Stage: "zero", Job: r1.MainJob}, Fingerprint: fp("takerzero"), Outputs: map[string]r1.Artifact{"out": adopted},
			ReusedFrom: &r1.JobKey{Run: "adopted-1", Stage: "zero", Job: r1.MainJob}, Made: &r1.Made{Adopted: &r1.Adopted{}}, Ended: w.now}))

	for _, takenBack := range []bool{false, true} {
		if takenBack {
			w.must(w.store.Delete(t.Context(), r1.AdoptedIndex(r1.Layout{Recipe: "full", Run: "adopted-1"})))
		}
		w.sweep(Policy{OlderThan: 24 * time.Hour})
		w.whole(pool)
		for _, f := range m.Files {
			if there, err := w.store.Exists(t.Context(), f.Key); err != nil || !there {
				t.Errorf("what was adopted lost %s (taken back: %t, %v)", f.Key, takenBack, err)
			}
		}
		if there, err := w.store.Exists(t.Context(), zero.Prefix+"/"+r1.ManifestFile); err != nil || there {
			t.Errorf("the run's own manifest should have gone (%v)", err)
		}
	}
}
