package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// shardedWorld is a world whose run has one stage in two shards; both are committed
// with a row each where done says so.
func shardedWorld(t *testing.T, done bool) (*world, func(job string) tasks.JobRef) {
	t.Helper()
	w := newWorld(t)
	job := func(name, print string, join ...string) r1.PlannedJob {
		path := "taught/" + name + "/samples"
		if len(join) > 0 {
			path = "taught/samples"
		}
		return r1.PlannedJob{Stage: "taught", Name: name, Kind: r1.KindSample, Fingerprint: strings.Repeat(print, 64), Join: join, After: join,
			Outputs: []r1.OutputDecl{{Name: "samples", Type: r1.TypeDataset, Path: path}}}
	}
	run := r1.Run{ID: "r", Recipe: "small", Plan: r1.Plan{Recipe: "small", Stages: []r1.PlannedStage{{Name: "taught", Kind: r1.KindSample,
		Jobs: []r1.PlannedJob{job("shard-001", "1"), job("shard-002", "2"), job(r1.MainJob, "3", "shard-001", "shard-002")}}}}}
	must(t, w.store.PutJSON(t.Context(), w.layout.RunFile(), run))
	ref := func(name string) tasks.JobRef {
		return tasks.JobRef{Recipe: "small", Run: "r", Stage: "taught", Job: name}
	}
	for i, j := range run.Plan.Stages[0].Jobs[:2] {
		if !done {
			break
		}
		prefix := w.layout.Artifact(j.Outputs[0], 1)
		file := r1.ManifestEntry{Path: "samples.jsonl", Size: 2, SHA256: strings.Repeat(fmt.Sprint(i), 64), Key: prefix + "/samples.jsonl"}
		w.store.objects[file.Key] = fmt.Appendf(nil, "%d\n", i)
		must(t, w.store.PutJSON(t.Context(), prefix+"/"+r1.ManifestFile, r1.Manifest{Version: 1, Files: []r1.ManifestEntry{file}}))
		_, _, err := w.store.Commit(t.Context(), w.layout, r1.Commit{Version: 1, Key: ref(j.Name).Key(), Kind: j.Kind, Fingerprint: j.Fingerprint, Attempt: 1,
			Outputs: map[string]r1.Artifact{"samples": {Name: "taught.samples", Type: r1.TypeDataset, Prefix: prefix}}})
		must(t, err)
	}
	w.SumUp = func(ctx context.Context, files []func(context.Context) (io.ReadCloser, error)) (map[string]float64, int, error) {
		var text strings.Builder
		for _, open := range files {
			in, err := open(ctx)
			if err != nil {
				return nil, 0, err
			}
			if _, err := io.Copy(&text, in); err != nil {
				return nil, 0, err
			}
		}
		if text.String() != "0\n1\n" {
			return nil, 0, fmt.Errorf("read %q", text.String())
		}
		return map[string]float64{"accuracy": 0.5}, 2, nil
	}
	return w, ref
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestShardsAreJoinedWithoutMovingThem(t *testing.T) {
	w, ref := shardedWorld(t, true)
	for range 2 { // also after a crash behind the commit
		if _, err := w.env.ExecuteActivity(tasks.Compute, ref(r1.MainJob)); err != nil {
			t.Fatal(err)
		}
	}
	commit, err := w.store.FindCommit(t.Context(), w.layout, ref(r1.MainJob).Key())
	must(t, err)
	if commit.Metrics["accuracy"] != 0.5 || commit.Steps != 2 || commit.Attempt != 1 {
		t.Errorf("commit %+v", commit)
	}
	manifest, err := w.store.Manifest(t.Context(), commit.Outputs["samples"])
	must(t, err)
	var got []string
	for _, f := range manifest.Files {
		got = append(got, f.Path+" in "+f.Key)
	}
	want := []string{"samples-001.jsonl in small/r/taught/shard-001/samples/samples.jsonl", "samples-002.jsonl in small/r/taught/shard-002/samples/samples.jsonl"}
	if !slices.Equal(got, want) || commit.Outputs["samples"].Prefix != "small/r/taught/samples" {
		t.Errorf("files %v\nwant %v", got, want)
	}
	for key := range w.store.objects {
		if strings.HasPrefix(key, "small/r/taught/samples/") && !strings.HasSuffix(key, r1.ManifestFile) {
			t.Errorf("%s was written", key)
		}
	}
	t.Run("and no machine has anything of it to stop", func(t *testing.T) {
		v, err := w.env.ExecuteActivity(tasks.FindUnended, tasks.JobRef{Recipe: "small", Run: "r"})
		must(t, err)
		var raw json.RawMessage
		must(t, v.Get(&raw))
		if strings.Contains(string(raw), "main") {
			t.Errorf("found %s", raw)
		}
	})
}

// A shard does not run where the whole is there already, however it was made.
func TestAShardIsSparedWhereTheWholeIsThere(t *testing.T) {
	w, ref := shardedWorld(t, false)
	look := func(job string) tasks.Found {
		t.Helper()
		v, err := w.env.ExecuteActivity(tasks.FindCommit, ref(job))
		must(t, err)
		var f tasks.Found
		must(t, v.Get(&f))
		return f
	}
	if look("shard-001").Committed {
		t.Fatal("nothing was made yet")
	}
	other := r1.Layout{Recipe: "small", Run: "earlier"}
	_, _, err := w.store.Commit(t.Context(), other, r1.Commit{Version: 1, Key: r1.JobKey{Run: "earlier", Stage: "taught", Job: r1.MainJob}, Kind: r1.KindSample,
		Fingerprint: strings.Repeat("3", 64), Attempt: 1})
	must(t, err)
	for _, job := range []string{"shard-002", "shard-001", r1.MainJob} {
		if f := look(job); !f.Committed || !f.Reused {
			t.Errorf("%s: %+v", job, f)
		}
	}
	if _, err := w.store.FindCommit(t.Context(), w.layout, ref("shard-001").Key()); err == nil {
		t.Error("a shard that did not run has a commit of its own")
	}
}
