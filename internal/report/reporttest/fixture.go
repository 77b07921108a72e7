package reporttest

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// Begin is when the run began.
var Begin = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// At is so many seconds after that.
func At(seconds float64) time.Time { return Begin.Add(time.Duration(seconds * float64(time.Second))) }

// Fixture builds a run as the engine leaves it in S3. Its stages have names that
// no shipped recipe uses, so that nothing here can rest on names.
type Fixture struct {
	t      testing.TB
	Store  Memory
	Run    *r1.Run
	Status *runs.Status
	layout r1.Layout
}

func ref(stage, job, output string) r1.OutputRef {
	return r1.OutputRef{Stage: stage, Job: job, Output: output}
}

func (f *Fixture) stage(name string, kind r1.Kind, title string, state r1.RunState, jobs ...r1.PlannedJob) {
	p := r1.PlannedStage{Name: name, Kind: kind, Title: title, Outputs: map[string]r1.OutputRef{}}
	for _, j := range jobs {
		j.Stage, j.Kind = name, kind
		j.Fingerprint = strings.Repeat("ab", 32)
		for _, o := range j.Outputs {
			key := o.Name
			if kind == r1.KindDistill {
				key = j.Name
			}
			p.Outputs[key] = ref(name, j.Name, o.Name)
		}
		p.Jobs = append(p.Jobs, j)
	}
	f.Run.Plan.Stages = append(f.Run.Plan.Stages, p)
	f.Status.Stages = append(f.Status.Stages, runs.Stage{Name: name, Kind: kind, Title: title, State: state})
}

func job(name, params string, inputs map[string]r1.OutputRef, outputs ...string) r1.PlannedJob {
	j := r1.PlannedJob{Name: name, Params: json.RawMessage(params), Inputs: inputs, Seed: 17}
	for _, o := range outputs {
		j.Outputs = append(j.Outputs, r1.OutputDecl{Name: o, Type: map[string]r1.ArtifactType{
			"model": r1.TypeModel, "data": r1.TypeDataset, "samples": r1.TypeDataset, "report": r1.TypeReport, "state": r1.TypeState}[o]})
	}
	return j
}

func key(stage, job string) r1.JobKey { return r1.JobKey{Run: "spring", Stage: stage, Job: job} }

func (f *Fixture) put(k r1.AttemptKey, file string, v any) {
	f.Store.Put(f.t, path.Join(f.layout.Attempt(k), file), v)
}

// metrics writes lines as the stream of an attempt, in two pieces cut within a line.
func (f *Fixture) metrics(k r1.AttemptKey, lines ...r1.MetricsLine) {
	var all []byte
	for _, l := range lines {
		raw, err := json.Marshal(l)
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(append(all, raw...), '\n')
	}
	half := len(all)/2 + 3
	folder := path.Join(f.layout.Attempt(k), r1.MetricsDir)
	f.Store[folder+"/000000000000.jsonl"] = all[:half]
	f.Store[fmt.Sprintf("%s/%012d.jsonl", folder, half)] = all[half:]
}

func steps(from, to int, name string, value func(int) float64) []r1.MetricsLine {
	var out []r1.MetricsLine
	for s := from; s <= to; s++ {
		out = append(out, r1.MetricsLine{Type: "step", Step: s, Values: map[string]float64{name: value(s), "tokens": 20 + float64(s), "kl": 0.01, "entropy": 0.2, "loss": 1 / float64(s)}})
	}
	return out
}

// Done commits a job that one attempt did, from second to second.
func (f *Fixture) Done(stage, name string, from, to float64, c r1.Commit) {
	k := key(stage, name)
	p := f.Run.Plan.Stage(stage)
	c.Key, c.Kind, c.Attempt, c.Started, c.Ended = k, p.Kind, max(1, c.Attempt), At(from), At(to)
	if c.Outputs == nil {
		c.Outputs = map[string]r1.Artifact{}
		for _, o := range p.Job(name).Outputs {
			prefix := path.Join(f.layout.Prefix(), stage, name, o.Name)
			c.Outputs[o.Name] = r1.Artifact{Name: stage + "." + o.Name, Type: o.Type, URI: "s3://bucket/" + prefix, Prefix: prefix, SHA256: strings.Repeat("cd", 32), Bytes: 1234}
		}
	}
	f.Store.Put(f.t, f.layout.Commit(k), c)
	f.put(k.Attempt(c.Attempt), r1.SpecFile, r1.Spec{Created: At(from - 1)})
	if p.Kind == r1.KindCurate {
		return
	}
	length := to - from
	timing := &r1.Timing{Download: 0.1 * length, Startup: 0.2 * length, Train: 0.6 * length, Upload: 0.1 * length}
	f.put(k.Attempt(c.Attempt), r1.ResultFile, r1.Result{Outcome: r1.Succeeded, Started: At(from), Ended: At(to), Timing: timing,
		Usage: &r1.Usage{CPUSeconds: length}, Step: c.Steps, ResumedFrom: resumed(c)})
}

func resumed(c r1.Commit) *int {
	if c.Attempt < 2 {
		return nil
	}
	two := 2
	return &two
}

// measured commits an evaluation with its report.
func (f *Fixture) measured(stage string, from, to float64, arithmetic, words, tokens float64, answer string) {
	f.Done(stage, r1.MainJob, from, to, r1.Commit{Metrics: map[string]float64{"pass@1": arithmetic}})
	prefix := path.Join(f.layout.Prefix(), stage, r1.MainJob, "report")
	numbers := func(v, spread, tokens float64) map[string]float64 {
		return map[string]float64{"pass@1": v, "pass@1_low": v - spread, "pass@1_high": v + spread, "cons@k": v, "greedy": v / 2, "format": 0.9, "tokens": tokens, "k": 4, "problems": 64}
	}
	f.Store.Put(f.t, prefix+"/metrics.json", map[string]any{"values": numbers((arithmetic+words)/2, 0.03, tokens),
		"domains": map[string]map[string]float64{"arithmetic": numbers(arithmetic, 0.05, tokens), "words": numbers(words, 0.05, tokens)}})
	var rows []byte
	for _, id := range []string{"c3", "a1", "b2"} {
		for sample := range 2 {
			label := r1.Correct
			if answer == "wrong" {
				label = r1.Wrong
			}
			raw, _ := json.Marshal(map[string]any{"id": id, "domain": "arithmetic", "prompt": "What is <b>" + id + "</b>?", "gold": "7", "sample": sample,
				"response": fmt.Sprintf("<think>%s by %s</think>%d", id, stage, sample), "tokens": 9, "finish": "stop", "verdict": r1.Verdict{Label: label, Verifier: "integer/1"}})
			rows = append(append(rows, raw...), '\n')
		}
	}
	raw, _ := json.Marshal(map[string]any{"id": "z9", "domain": "words", "prompt": "Greet Ada.", "sample": 0, "response": "Hello from " + stage, "tokens": 4, "finish": "stop",
		"verdict": r1.Verdict{Label: r1.Unverified, Reason: "no-verifier"}, "rewards": map[string]any{"preference": 0.625}})
	rows = append(append(rows, raw...), '\n')
	f.Store[prefix+"/samples.jsonl"] = rows
}

const examParams = `{"template":{"text":"Q: {prompt}"},"samples_per_prompt":4,"temperature":0.6}`

// New is a run that still goes on: RL in two phases, of which the first
// failed once, SFT on filtered samples, two students, a reused reward model, and a
// last RL stage that runs.
func New(t testing.TB) *Fixture {
	f := &Fixture{t: t, Store: Memory{}, layout: r1.Layout{Recipe: "garden", Run: "spring"},
		Run: &r1.Run{ID: "spring", Recipe: "garden", Profile: "pot", Owner: "ada", R1ctl: "v1.2.3", Created: Begin, RecipeYAML: "recipe: garden # <script>alert(1)</script>\n",
			Plan: r1.Plan{Recipe: "garden", Profile: "pot", Seed: 17, Description: "Growing <things>"}},
		Status: &runs.Status{Run: "spring", State: r1.RunRunning, Started: Begin}}
	seedling, questions := ref("seed", "main", "model"), ref("questions", "main", "data")
	exam := func(m r1.OutputRef) r1.PlannedJob {
		return job("main", examParams, map[string]r1.OutputRef{"model": m, "problems": questions}, "report")
	}
	f.stage("seed", r1.KindBase, "The seed", r1.RunCompleted, job("main", `{"source":"tiny://base"}`, nil, "model"))
	f.stage("questions", r1.KindCurate, "", r1.RunCompleted, job("main", `{"steps":[]}`, nil, "data"))
	f.stage("exam-seed", r1.KindEvaluate, "", r1.RunCompleted, exam(seedling))
	first := job("phase-01", `{"learning_rate":0.0001}`, map[string]r1.OutputRef{"policy": seedling, "prompts": questions}, "model", "state")
	first.ToStep = 4
	second := job("phase-02", `{"learning_rate":0.0001}`, map[string]r1.OutputRef{"policy": ref("sprout", "phase-01", "model"), "prompts": questions, "state": ref("sprout", "phase-01", "state")}, "model")
	second.FromStep, second.ToStep, second.After = 4, 8, []string{"phase-01"}
	f.stage("sprout", r1.KindGRPO, "Sprout", r1.RunCompleted, first, second)
	f.Run.Plan.Stages[len(f.Run.Plan.Stages)-1].Outputs["model"] = ref("sprout", "phase-02", "model")
	f.stage("exam-sprout", r1.KindEvaluate, "", r1.RunCompleted, exam(ref("sprout", "phase-02", "model")))
	f.stage("pollen", r1.KindSample, "", r1.RunCompleted, job("main", `{"samples_per_prompt":4}`, map[string]r1.OutputRef{"model": ref("sprout", "phase-02", "model"), "prompts": questions}, "samples"))
	f.stage("honey", r1.KindCurate, "Honey", r1.RunCompleted, job("main", `{"steps":[{"do":"correct"}]}`, map[string]r1.OutputRef{"samples": ref("pollen", "main", "samples")}, "data"))
	f.stage("bush", r1.KindSFT, "Bush", r1.RunCompleted, job("main", `{"epochs":2}`, map[string]r1.OutputRef{"model": ref("sprout", "phase-02", "model"), "data": ref("honey", "main", "data")}, "model"))
	f.stage("exam-bush", r1.KindEvaluate, "", r1.RunCompleted, exam(ref("bush", "main", "model")))
	f.stage("judge", r1.KindRewardModel, "Judge", r1.RunCompleted, job("main", `{"loss":"pairwise"}`, map[string]r1.OutputRef{"model": ref("bush", "main", "model")}, "model"))
	f.stage("pots", r1.KindDistill, "Pots", r1.RunCompleted,
		job("big", `{"epochs":1}`, map[string]r1.OutputRef{"data": ref("honey", "main", "data")}, "model"),
		job("small", `{"epochs":1}`, map[string]r1.OutputRef{"data": ref("honey", "main", "data")}, "model"))
	f.stage("exam-big", r1.KindEvaluate, "", r1.RunCompleted, exam(ref("pots", "big", "model")))
	last := job("main", `{"learning_rate":0.0001}`, map[string]r1.OutputRef{"policy": ref("bush", "main", "model"), "prompts": questions, "helpful": ref("judge", "main", "model")}, "model")
	last.ToStep = 10
	f.stage("tree", r1.KindGRPO, "Tree", r1.RunRunning, last)
	f.stage("exam-tree", r1.KindEvaluate, "", r1.RunPending, exam(ref("tree", "main", "model")))
	f.fill()
	return f
}

func (f *Fixture) fill() {
	f.Done("seed", "main", 1, 11, r1.Commit{})
	f.Done("questions", "main", 1, 2, r1.Commit{Funnel: &r1.Funnel{In: 64, Kept: 64, Origins: []r1.SourceRecord{{
		Name: "maths", Address: "hf://org/maths@v1?split=train", Revision: strings.Repeat("ab", 20), Licence: "apache-2.0",
		Files: 2, Bytes: 4096, Rows: 64, SHA256: strings.Repeat("cd", 32),
	}}}})
	f.measured("exam-seed", 12, 22, 0.40, 0.50, 20, "wrong")

	// The first attempt of the first phase got to step 3 and was preempted; the second went on from 2.
	k := key("sprout", "phase-01")
	f.put(k.Attempt(1), r1.SpecFile, r1.Spec{Created: At(22)})
	f.put(k.Attempt(1), r1.ResultFile, r1.Result{Outcome: r1.Preempted, Class: r1.ClassPreempted, Name: "preempted", Error: "stopped from outside", Started: At(23), Ended: At(33), Step: 3,
		Timing: &r1.Timing{Download: 1, Startup: 2, Train: 7}, Usage: &r1.Usage{CPUSeconds: 9}})
	f.metrics(k.Attempt(1), append([]r1.MetricsLine{{Type: "start", Step: 0, Total: 4}, {Type: "eval", Step: 0, Values: map[string]float64{"pass@1": 0.4, "pass@1_low": 0.3, "pass@1_high": 0.5, "pass@1_words": 0.3, "pass@1_arithmetic": 0.5, "pass@1_low_words": 0.2, "pass@1_high_words": 0.4}}},
		steps(1, 3, "accuracy", func(int) float64 { return 0.1 })...)...)
	f.Store[path.Join(f.layout.Attempt(k.Attempt(1)), r1.LogDir)+"/000000000000.log"] = []byte("start 0/4\n<b>stopped</b>\n")
	f.Done("sprout", "phase-01", 35, 45, r1.Commit{Attempt: 2, Steps: 4})
	f.metrics(k.Attempt(2), append([]r1.MetricsLine{{Type: "resume", Step: 2, Total: 4}},
		append(steps(3, 4, "accuracy", func(int) float64 { return 0.7 }), r1.MetricsLine{Type: "text", Step: 4, Text: map[string]string{"prompt": "3+4?", "response": "<think>seven</think>"}})...)...)
	f.Done("sprout", "phase-02", 46, 56, r1.Commit{Steps: 8})
	f.metrics(key("sprout", "phase-02").Attempt(1), append([]r1.MetricsLine{{Type: "start", Step: 4, Total: 8}},
		append(steps(5, 8, "accuracy", func(int) float64 { return 0.9 }), r1.MetricsLine{Type: "eval", Step: 8, Values: map[string]float64{"pass@1": 0.9, "pass@1_low": 0.85, "pass@1_high": 0.95}})...)...)
	f.measured("exam-sprout", 57, 67, 0.90, 0.35, 36, "right")

	f.Done("pollen", "main", 57, 69, r1.Commit{Metrics: map[string]float64{"accuracy": 0.8, "tokens": 33}})
	f.Done("honey", "main", 70, 71, r1.Commit{Funnel: &r1.Funnel{In: 256, Kept: 200, Dropped: []r1.FunnelCount{{Name: "correct", Reason: "wrong", Rows: 50}, {Name: "correct", Reason: "unverified:timeout", Rows: 6}}}})
	f.Done("bush", "main", 72, 92, r1.Commit{Steps: 5})
	f.metrics(key("bush", "main").Attempt(1), append([]r1.MetricsLine{{Type: "start", Total: 5}}, steps(1, 5, "token_accuracy", func(int) float64 { return 1 })...)...)
	f.measured("exam-bush", 93, 103, 0.91, 0.60, 35, "right")
	f.Done("pots", "big", 72, 82, r1.Commit{Steps: 3})
	f.Done("pots", "small", 72, 80, r1.Commit{Steps: 3})
	f.measured("exam-big", 93, 99, 0.45, 0.30, 30, "wrong")

	// The judge was made by an earlier run, where its metrics lie.
	old := r1.JobKey{Run: "winter", Stage: "judge", Job: "main"}
	f.Done("judge", "main", 92.5, 92.5, r1.Commit{Metrics: map[string]float64{"accuracy": 0.75, "loss": 0.4}})
	var c r1.Commit
	raw := f.Store[f.layout.Commit(key("judge", "main"))]
	if err := json.Unmarshal(raw, &c); err != nil {
		f.t.Fatal(err)
	}
	c.Attempt, c.ReusedFrom = 0, &old
	f.Store.Put(f.t, f.layout.Commit(key("judge", "main")), c)
	for _, k := range f.Store.Keys(f.layout.Job(key("judge", "main")) + "/1/") {
		delete(f.Store, k)
	}
	f.Store.Put(f.t, r1.RunIndex("winter"), runs.Entry{Run: "winter", Recipe: "greenhouse"})
	there := *f
	there.layout = r1.Layout{Recipe: "greenhouse", Run: "winter"}
	there.metrics(old.Attempt(1), append([]r1.MetricsLine{{Type: "start", Total: 4}}, steps(1, 4, "accuracy", func(int) float64 { return 0.75 })...)...)

	// The last stage trains.
	k = key("tree", "main")
	f.put(k.Attempt(1), r1.SpecFile, r1.Spec{Created: At(103)})
	f.put(k.Attempt(1), r1.HeartbeatFile, r1.Heartbeat{Time: At(120), Phase: "train", Step: 2, Since: &r1.Mark{Time: At(106)}})
	f.metrics(k.Attempt(1), append([]r1.MetricsLine{{Type: "start", Total: 10}}, steps(1, 2, "accuracy", func(int) float64 { return 0.9 })...)...)
}
