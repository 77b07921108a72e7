package activities

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// scriptedPublisher keeps what it was given, and is where things were published to.
type scriptedPublisher struct {
	got   []publish.Input
	fails error
	gone  string
	away  error // what Gone answers
	asked int
}

func (s *scriptedPublisher) Publish(_ context.Context, in publish.Input) (publish.Record, error) {
	s.got = append(s.got, in)
	if s.fails != nil {
		return publish.Record{}, s.fails
	}
	s.gone = ""
	return publish.Record{To: in.To.String(), Marker: publish.Marker{SHA256: in.Artifact.SHA256, Files: []publish.File{{Path: "a", Size: 5}, {Path: "b", Size: 7}}}}, nil
}

func (s *scriptedPublisher) Gone(context.Context, publish.Record) (string, error) {
	s.asked++
	return s.gone, s.away
}

// publishing adds a stage to a run of the world that publishes its rows, made by compute.
func publishing(t *testing.T, w *world, id string) *scriptedPublisher {
	t.Helper()
	key := r1.Layout{Recipe: "small", Run: id}.RunFile()
	var run r1.Run
	if err := w.store.GetJSON(t.Context(), key, &run); err != nil {
		t.Fatal(err)
	}
	params := json.RawMessage(`{"to": "hf://org/rows", "private": true, "licence": "mit", "title": "Rows", "message": "out"}`)
	run.Plan.Stages = append(run.Plan.Stages, r1.PlannedStage{Name: "out", Kind: r1.KindPublish, Needs: []string{"rows"}, Jobs: []r1.PlannedJob{{
		Stage: "out", Name: r1.MainJob, Kind: r1.KindPublish, Params: params, Fingerprint: strings.Repeat("c", 64),
		Inputs:  map[string]r1.OutputRef{"data": {Stage: "rows", Job: r1.MainJob, Output: "data"}},
		Outputs: []r1.OutputDecl{{Name: "publication", Type: r1.TypePublication, Path: "out/publication"}},
	}}})
	run.Plan.Stages[0].Outputs = map[string]r1.OutputRef{"data": {Stage: "rows", Job: r1.MainJob, Output: "data"}}
	if err := w.store.PutJSON(t.Context(), key, run); err != nil {
		t.Fatal(err)
	}
	s, ok := w.Publisher.(*scriptedPublisher)
	if !ok {
		s = &scriptedPublisher{}
		w.Publisher = s
	}
	w.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return s
}

// describe puts a manifest where the world's store, which keeps files alone, has none.
func describe(t *testing.T, w *world, a r1.Artifact) {
	t.Helper()
	objects, err := w.store.FilesUnder(t.Context(), a.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	m := r1.Manifest{Version: 1, Name: a.Name, Type: a.Type}
	for _, o := range objects {
		m.Files = append(m.Files, r1.ManifestEntry{Path: strings.TrimPrefix(o.Key, a.Prefix+"/"), Size: o.Size, SHA256: strings.Repeat("d", 64), Key: o.Key})
	}
	if err := w.store.PutJSON(t.Context(), a.Prefix+"/"+r1.ManifestFile, m); err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, w *world, run, stage, output string) r1.Artifact {
	t.Helper()
	l := r1.Layout{Recipe: "small", Run: run}
	c, err := w.store.FindCommit(t.Context(), l, r1.JobKey{Run: run, Stage: stage, Job: r1.MainJob})
	if err != nil {
		t.Fatal(err)
	}
	return c.Outputs[output]
}

func TestPublishCommitsItsRecord(t *testing.T) {
	w := newWorld(t)
	s := publishing(t, w, "r")
	w.compute(t)
	describe(t, w, committed(t, w, "r", "rows", "data"))
	for range 2 { // a retry after the commit does nothing
		if _, err := w.env.ExecuteActivity(tasks.Compute, w.ref("out")); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.got) != 1 {
		t.Fatalf("published %d times", len(s.got))
	}
	in := s.got[0]
	if in.To.Repo != "org/rows" || !in.Private || in.Replace || in.Message != "out" || in.Attempt != 1 || in.By.Stage != "out" || len(in.Files) != 1 || in.Files[0].Path != "data.jsonl" {
		t.Errorf("published %+v", in)
	}
	for text, where := range map[string]string{"# Rows\n": in.Card, "license: mit": in.Card, "3 rows in, 2 kept": in.Card, "https://slsa.dev/provenance/v1": in.Provenance} {
		if !strings.Contains(where, text) {
			t.Errorf("there is no %q in\n%s", text, where)
		}
	}
	c, err := w.store.FindCommit(t.Context(), w.layout, w.ref("out").Key())
	if err != nil || c.Metrics["files"] != 2 || c.Metrics["bytes"] != 12 || c.Outputs["publication"].Prefix != "small/r/out/publication" {
		t.Errorf("committed %+v, %v", c, err)
	}
	if objects, _ := w.store.FilesUnder(t.Context(), w.layout.Journal(w.ref("out").Key())); len(objects) > 0 {
		t.Errorf("the journal is still there: %v", objects)
	}
}

// What the first try wrote down goes out, whatever is known by then.
func TestPublishGoesOnWithTheSameCard(t *testing.T) {
	w := newWorld(t)
	s := publishing(t, w, "r")
	w.compute(t)
	art := committed(t, w, "r", "rows", "data")
	describe(t, w, art)
	s.fails = errors.New("the line broke")
	if _, err := w.env.ExecuteActivity(tasks.Compute, w.ref("out")); err == nil {
		t.Fatal("it succeeded")
	}
	var run r1.Run
	if err := w.store.GetJSON(t.Context(), w.layout.RunFile(), &run); err != nil {
		t.Fatal(err)
	}
	run.RecipeYAML = "# changed: a card made now would differ"
	if err := w.store.PutJSON(t.Context(), w.layout.RunFile(), run); err != nil {
		t.Fatal(err)
	}
	s.fails = nil
	if _, err := w.env.ExecuteActivity(tasks.Compute, w.ref("out")); err != nil {
		t.Fatal(err)
	}
	if len(s.got) != 2 || s.got[0].Card != s.got[1].Card || s.got[0].Provenance != s.got[1].Provenance || s.got[1].Attempt != 2 {
		t.Errorf("published %d times, by attempt %d, with the same card: %t", len(s.got), s.got[1].Attempt, s.got[0].Card == s.got[1].Card)
	}
}

// Another run takes over what was published, as long as it is there.
func TestPublishIsReusedWhileItStands(t *testing.T) {
	w := newWorld(t)
	s := publishing(t, w, "r")
	w.compute(t)
	describe(t, w, committed(t, w, "r", "rows", "data"))
	if _, err := w.env.ExecuteActivity(tasks.Compute, w.ref("out")); err != nil {
		t.Fatal(err)
	}
	describe(t, w, committed(t, w, "r", "out", "publication"))
	look := func(run string) (tasks.Found, error) {
		w.freeze(t, run)
		publishing(t, w, run)
		var found tasks.Found
		for _, stage := range []string{"rows", "out"} {
			v, err := w.env.ExecuteActivity(tasks.FindCommit, tasks.JobRef{Recipe: "small", Run: run, Stage: stage, Job: r1.MainJob})
			if err != nil {
				return found, err
			}
			if err := v.Get(&found); err != nil {
				return found, err
			}
		}
		return found, nil
	}
	if found, err := look("r2"); err != nil || !found.Reused || s.asked != 1 {
		t.Errorf("reused %t after %d looks, %v", found.Reused, s.asked, err)
	}
	s.gone = "the folder is not there"
	if found, err := look("r3"); err != nil || found.Committed {
		t.Errorf("of what is gone: %+v, %v", found, err)
	}
	s.away = errors.New("the Hub is away")
	if found, err := look("r4"); err == nil {
		t.Errorf("of what cannot be looked at: %+v", found)
	}
}

// An error that only a person can cure is not tried again.
func TestPublishThatIsRefused(t *testing.T) {
	w := newWorld(t)
	s := publishing(t, w, "r")
	w.compute(t)
	describe(t, w, committed(t, w, "r", "rows", "data"))
	s.fails = &r1.Error{Name: "publish-exists", Detail: "it holds another", Remedy: "replace: true"}
	_, err := w.env.ExecuteActivity(tasks.Compute, w.ref("out"))
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != "publish-exists" || !failure.NonRetryable() {
		t.Errorf("got %v", err)
	}
	if slices.ContainsFunc(s.got, func(in publish.Input) bool { return in.Replace }) {
		t.Error("replace was set by itself")
	}
}
