package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "busy" {
		busy()
		os.Exit(0)
	}
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "scripted-trainer":
			os.Exit(runScripted(os.Args[2:]))
		case "scripted-verifier":
			os.Exit(scriptedVerifier(os.Args[2]))
		case "real-verifier":
			os.Exit(realVerifier())
		case "agent":
			os.Exit(agentProcess(os.Args[2:]))
		}
	}
	os.Exit(storetest.Main(m))
}

// bench is one attempt with a fake S3 and a scripted trainer.
type bench struct {
	t     *testing.T
	store fakeStore
	spec  r1.Spec
	gate  string
	cfg   Config
}

func newBench(t *testing.T, script string) *bench {
	t.Helper()
	t.Parallel()
	return benchOf(t, script)
}

func benchOf(t *testing.T, script string) *bench {
	t.Helper()
	b := &bench{t: t, store: fakeStore{t.TempDir()}, gate: t.TempDir()}
	t.Cleanup(func() { _ = os.Remove(b.store.downFile()) })
	b.spec = r1.Spec{
		Version: 1, Key: r1.JobKey{Run: "tiny-0102-abcd", Stage: "zero", Job: "phase-01"}.Attempt(1), Recipe: "tiny", Kind: r1.KindGRPO,
		Params: json.RawMessage(`{}`), ToStep: 9, Threads: 1, KeepCheckpoints: 2,
		Outputs: []r1.OutputDecl{{Name: "model", Type: r1.TypeModel, Path: "zero/model"}, {Name: "samples", Type: r1.TypeDataset, Path: "zero/samples"}},
	}
	b.cfg = Config{
		Store: b.store, SpecKey: path.Join(b.prefix(), r1.SpecFile), WorkDir: filepath.Join(t.TempDir(), "work"),
		Trainer: []string{os.Args[0], "scripted-trainer", script}, TrainerEnv: []string{gateEnv + "=" + b.gate},
		Grace: 20 * time.Second, Interval: 10 * time.Millisecond,
	}
	return b
}

func (b *bench) prefix() string {
	return r1.Layout{Recipe: "tiny", Run: b.spec.Key.Run}.Attempt(b.spec.Key)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// run runs the attempt and checks that what it returns is what it left in S3.
func (b *bench) run(ctx context.Context) r1.Result {
	b.t.Helper()
	b.must(b.store.PutJSON(ctx, b.cfg.SpecKey, b.spec))
	res, err := Run(ctx, b.cfg)
	b.must(err)
	var stored r1.Result
	b.must(b.store.GetJSON(ctx, path.Join(b.prefix(), r1.ResultFile), &stored))
	if stored.Outcome != res.Outcome || stored.Name != res.Name {
		b.t.Errorf("result in S3 is %+v, returned %+v", stored, res)
	}
	if _, err := os.Stat(b.cfg.WorkDir); !os.IsNotExist(err) {
		b.t.Errorf("the working folder is still there (%v)", err)
	}
	return res
}

// start runs the attempt beside the test.
func (b *bench) start(ctx context.Context) <-chan r1.Result {
	done := make(chan r1.Result, 1)
	go func() { defer close(done); done <- b.run(ctx) }()
	return done
}

// until waits for a condition that must come true.
func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("never came: %s; S3 holds\n%s", what, b.store.keys(""))
		}
	}
}

func (b *bench) awaitReady() {
	b.t.Helper()
	b.until("the trainer at its gate", func() bool { return exists(filepath.Join(b.gate, "ready")) })
}

func (b *bench) heartbeat() r1.Heartbeat {
	var hb r1.Heartbeat
	_ = b.store.GetJSON(b.t.Context(), path.Join(b.prefix(), r1.HeartbeatFile), &hb)
	return hb
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func want(t *testing.T, res r1.Result, outcome r1.Outcome, class r1.Class, name string) {
	t.Helper()
	if res.Outcome != outcome || res.Class != class || res.Name != name {
		t.Errorf("result is %s/%s/%s (%s), want %s/%s/%s", res.Outcome, res.Class, res.Name, res.Error, outcome, class, name)
	}
}

func TestSuccess(t *testing.T) {
	b := newBench(t, "succeeds")
	ctx := t.Context()
	write(filepath.Join(b.gate, "policy", "config.json"), "{}")
	policy, err := b.store.Upload(ctx, filepath.Join(b.gate, "policy"), uploadOf("tiny/run/base/model"))
	b.must(err)
	b.spec.Inputs = map[string]r1.Artifact{"policy": policy}
	res := b.run(ctx)
	want(t, res, r1.Succeeded, "", "")
	if res.Step != 3 || res.Metrics["accuracy"] != 0.5 || res.Funnel == nil || res.Funnel.Kept != 1 || res.ExitCode != 0 {
		t.Errorf("result %+v", res)
	}
	if got := res.Outputs["model"]; got.Name != "zero.model" || got.Prefix != "tiny/tiny-0102-abcd/zero/model" || got.Files != 3 {
		t.Errorf("output %+v", got)
	}
	if ExitCode(res, nil) != ExitSucceeded {
		t.Error("exit code is not 0")
	}
	hb := b.heartbeat()
	if hb.Step != 3 || hb.Total != 9 || hb.LogBytes == 0 || hb.Values["loss"] == 0 {
		t.Errorf("last heartbeat %+v", hb)
	}
	for folder, part := range map[string]string{r1.LogDir: "hello from the trainer\n", r1.MetricsDir: `"type":"summary"`} {
		var text bytes.Buffer
		if _, err := stream.Read(ctx, readable{b.store}, path.Join(b.prefix(), folder), 0, &text); err != nil || !strings.Contains(text.String(), part) {
			t.Errorf("stream %s is %q, %v", folder, &text, err)
		}
	}
}

func TestFailures(t *testing.T) {
	for script, tc := range map[string]struct {
		outcome r1.Outcome
		class   r1.Class
		name    string
		text    string
	}{
		"diverges":      {r1.Failed, r1.ClassDiverged, "diverged", "NotANumber: loss is NaN at step 1"},
		"crashes":       {r1.Failed, r1.ClassProgram, "trainer-failed", "exit code 1: KeyError: 'first'"},
		"makes nothing": {r1.Failed, r1.ClassProgram, "output-missing", `exit 0 without declared output "model", "samples"`},
	} {
		t.Run(script, func(t *testing.T) {
			res := newBench(t, script).run(t.Context())
			want(t, res, tc.outcome, tc.class, tc.name)
			if res.Error != tc.text {
				t.Errorf("error %q, want %q", res.Error, tc.text)
			}
			if ExitCode(res, nil) != ExitFailed {
				t.Errorf("exit code %d", ExitCode(res, nil))
			}
		})
	}
}

func TestGuards(t *testing.T) {
	b := newBench(t, "is stopped by a guard")
	res := b.run(t.Context())
	want(t, res, r1.Failed, r1.ClassDiverged, "kl")
	if res.Error != "the KL has been above 1 for 10 steps; now it is 7" || !strings.Contains(res.Remedy, "kl_beta") || res.LastGoodStep == nil || *res.LastGoodStep != 8 {
		t.Errorf("result %+v, want the guard's message and remedy, and the last good step 8", res)
	}
	for where, warnings := range map[string][]r1.Warning{"result": res.Warnings, "heartbeat": b.heartbeat().Warnings} {
		if len(warnings) != maxWarnings {
			t.Fatalf("the %s has %d warnings, want the newest %d", where, len(warnings), maxWarnings)
		}
		newest := warnings[maxWarnings-1]
		if newest.Guard != "length" || newest.Step != maxWarnings+2 || newest.Values["tokens"] != 64 || len([]rune(newest.Message)) > lineRunes+1 {
			t.Errorf("the newest warning of the %s is %+v", where, newest)
		}
	}
}

func TestTrainerThatCannotStart(t *testing.T) {
	b := newBench(t, "")
	b.cfg.Trainer = []string{"/no/such/python"}
	want(t, b.run(t.Context()), r1.Failed, r1.ClassInfrastructure, "trainer-start")
}

func TestSIGTERMLetsTheTrainerSave(t *testing.T) {
	b := newBench(t, "saves when asked")
	ctx, sigterm := context.WithCancel(t.Context())
	done := b.start(ctx)
	b.awaitReady()
	sigterm()
	res := <-done
	want(t, res, r1.Preempted, r1.ClassPreempted, "preempted")
	if res.ExitCode != 143 || ExitCode(res, nil) != ExitStopped {
		t.Errorf("exit codes %d and %d, want 143", res.ExitCode, ExitCode(res, nil))
	}
	if res.Checkpoint == nil || res.Checkpoint.Step != 2 {
		t.Fatalf("checkpoint %+v, want the one saved after SIGTERM", res.Checkpoint)
	}
	// The next attempt goes on from it.
	next := newNext(b, "succeeds")
	next.spec.Resume = res.Checkpoint
	res = next.run(t.Context())
	want(t, res, r1.Succeeded, "", "")
	if res.ResumedFrom == nil || *res.ResumedFrom != 2 || res.Step != 5 {
		t.Errorf("result %+v, want resumed from 2 and at step 5", res)
	}
}

// newNext is the next attempt of the same job.
func newNext(b *bench, script string) *bench {
	next := *b
	next.spec.Key = b.spec.Key.JobKey.Attempt(b.spec.Key.Attempt + 1)
	next.cfg.SpecKey = path.Join(next.prefix(), r1.SpecFile)
	next.cfg.Trainer = []string{os.Args[0], "scripted-trainer", script}
	return &next
}

func TestDeafTrainerIsKilledAfterGrace(t *testing.T) {
	b := newBench(t, "is deaf")
	b.cfg.Grace = time.Second
	ctx, sigterm := context.WithCancel(t.Context())
	done := b.start(ctx)
	b.awaitReady()
	sigterm()
	want(t, <-done, r1.Preempted, r1.ClassPreempted, "preempted")
}

func TestWalltimeCountsFromAllocation(t *testing.T) {
	b := newBench(t, "saves when asked")
	b.spec.Walltime = time.Hour
	b.cfg.Allocated = time.Now().Add(-time.Hour)
	want(t, b.run(t.Context()), r1.TimedOut, r1.ClassPreempted, "walltime")
}

func TestCheckpointsAreStoredWhileTraining(t *testing.T) {
	b := newBench(t, "waits with checkpoints")
	done := b.start(t.Context())
	b.awaitReady()
	b.until("checkpoint 3 in the heartbeat", func() bool { c := b.heartbeat().Checkpoint; return c != nil && c.Step == 3 })
	var c r1.Checkpoint
	b.must(b.store.GetJSON(t.Context(), path.Join(b.prefix(), r1.CheckpointDir, "step-3", r1.CompleteFile), &c))
	if len(c.Files) != 1 || c.Files[0].Key != path.Join(c.Prefix, "weights.bin") {
		t.Errorf("checkpoint %+v", c)
	}
	b.until("older local checkpoints to go", func() bool {
		return !exists(filepath.Join(b.cfg.WorkDir, "checkpoints", "step-1")) && exists(filepath.Join(b.cfg.WorkDir, "checkpoints", "step-3"))
	})
	write(filepath.Join(b.gate, "go"), "")
	want(t, <-done, r1.Succeeded, "", "")
}

func TestRetentionKeepsTheNewest(t *testing.T) {
	b := newBench(t, "")
	b.cfg.WorkDir = t.TempDir()
	cfg, err := b.cfg.withDefaults()
	b.must(err)
	a := &agent{cfg: cfg, spec: b.spec, prefix: b.prefix(), progress: newProgress("none"), log: stream.NewWriter(b.store, "none", "none", ".log")}
	k := newKeeper(a)
	for step := 10; step <= 50; step += 10 {
		scriptedTrainer{job: r1.JobFile{Checkpoints: k.dir}}.checkpoint(step)
		b.must(k.tick(t.Context()))
	}
	got := b.store.keys(path.Join(b.prefix(), r1.CheckpointDir))
	for _, step := range []string{"step-40/COMPLETE", "step-40/weights.bin", "step-50/COMPLETE", "step-50/weights.bin"} {
		if !strings.Contains(got, step) {
			t.Errorf("%s is gone", step)
		}
	}
	if n := strings.Count(got, "\n"); n != 4 {
		t.Errorf("%d objects are left, want 4:\n%s", n, got)
	}
	if c := b.heartbeat().Checkpoint; c == nil || c.Step != 50 {
		t.Errorf("older checkpoints went before the heartbeat named a newer: %+v", c)
	}
}

func TestTornCheckpointGivesWayToTheOneBefore(t *testing.T) {
	b := newBench(t, "tears a checkpoint")
	b.cfg.Interval = time.Hour // so that both lie there when the agent looks: at the end
	ctx, sigterm := context.WithCancel(t.Context())
	done := b.start(ctx)
	b.awaitReady()
	sigterm()
	res := <-done
	if res.Checkpoint == nil || res.Checkpoint.Step != 1 {
		t.Errorf("checkpoint %+v, want that of step 1: step 2 is torn", res.Checkpoint)
	}
	if exists(b.store.file(path.Join(b.prefix(), r1.CheckpointDir, "step-2", r1.CompleteFile))) {
		t.Error("a torn checkpoint has its COMPLETE object")
	}
}

// resumable gives the attempt a checkpoint of step 4 to resume from.
func (b *bench) resumable() {
	b.t.Helper()
	scriptedTrainer{job: r1.JobFile{Checkpoints: b.gate}}.checkpoint(4)
	raw, err := os.ReadFile(filepath.Join(b.gate, "step-4", "weights.bin"))
	b.must(err)
	b.must(b.store.PutBytes(b.t.Context(), "earlier/weights.bin", raw))
	b.spec.Resume = &r1.Checkpoint{Step: 4, Prefix: "earlier", Files: []r1.ManifestEntry{
		{Path: "weights.bin", Size: 1000, SHA256: digest(raw), Key: "earlier/weights.bin"}}}
}

// A trainer that does not begin where it was told to is ended at once.
func TestWrongBeginnings(t *testing.T) {
	for script, tc := range map[string]struct {
		resume bool
		name   string
	}{
		"resumes elsewhere":      {true, "resume-step-mismatch"},
		"ignores the checkpoint": {true, "resume-ignored"},
		"forgets its data":       {true, "cursor-stalled"},
		"resumes and idles":      {true, "nothing-trained"},
		"resumes from nothing":   {false, "nothing-to-resume"},
		"starts elsewhere":       {false, "start-step-mismatch"},
	} {
		t.Run(script, func(t *testing.T) {
			b := newBench(t, script)
			if tc.resume {
				b.resumable()
			}
			res := b.run(t.Context())
			want(t, res, r1.Failed, r1.ClassProgram, tc.name)
			if res.Remedy == "" || res.Began == nil {
				t.Errorf("result %+v, want a remedy and the first line", res)
			}
		})
	}
}

// A checkpoint that is not whole any more is named, so that the controller
// chooses another.
func TestUnusableCheckpoint(t *testing.T) {
	for name, harm := range map[string]func(b *bench){
		"a file is gone": func(b *bench) { b.must(b.store.Delete(t.Context(), "earlier/weights.bin")) },
		"no file at all": func(b *bench) { b.spec.Resume.Files = nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "succeeds")
			b.resumable()
			harm(b)
			want(t, b.run(t.Context()), r1.Failed, r1.ClassInfrastructure, r1.CheckpointUnusable)
		})
	}
}

func TestTrainerThatHangsAtExit(t *testing.T) {
	b := newBench(t, "hangs at exit")
	b.cfg.ExitWait, b.cfg.Grace = 20*time.Millisecond, 20*time.Millisecond
	res := b.run(t.Context())
	want(t, res, r1.Failed, r1.ClassInfrastructure, "trainer-hung")
	if len(res.Outputs) != 0 {
		t.Errorf("outputs %v of a trainer that was killed", res.Outputs)
	}
}

func TestTrainerThatStalls(t *testing.T) {
	b := newBench(t, "stalls")
	b.cfg.Stall, b.cfg.Grace = time.Second, time.Second
	want(t, b.run(t.Context()), r1.Failed, r1.ClassInfrastructure, "trainer-stalled")
}

// What the trainer started does not outlive it, in whatever session it hides.
func TestEscapedChildDiesWithItsTrainer(t *testing.T) {
	b := newBench(t, "lets a child escape")
	want(t, b.run(t.Context()), r1.Succeeded, "", "")
	raw, err := os.ReadFile(filepath.Join(b.gate, "child"))
	b.must(err)
	pid, err := strconv.Atoi(string(raw))
	b.must(err)
	if alive(pid) {
		t.Error("the child lives on")
	}
}

func TestShortWalltimeIsNotAllMargin(t *testing.T) {
	a := &agent{cfg: Config{Allocated: time.Unix(1000, 0), SaveMargin: 2 * time.Minute}}
	for walltime, want := range map[time.Duration]time.Duration{time.Hour: 58 * time.Minute, time.Minute: 45 * time.Second} {
		a.spec.Walltime = walltime
		if got := a.deadline().Sub(a.cfg.Allocated); got != want {
			t.Errorf("of %s the trainer may use %s, want %s", walltime, got, want)
		}
	}
}

func TestOutageWhileTrainingAndAtTheEnd(t *testing.T) {
	b := newBench(t, "waits with checkpoints")
	done := b.start(t.Context())
	b.awaitReady()
	write(b.store.downFile(), "")
	write(filepath.Join(b.gate, "go"), "")
	// The trainer goes on and ends, with no S3 all the while.
	b.until("the end of the training", func() bool { return exists(filepath.Join(b.cfg.WorkDir, endedFile)) })
	if exists(b.store.file(path.Join(b.prefix(), r1.ResultFile))) {
		t.Fatal("a result during the outage")
	}
	b.must(os.Remove(b.store.downFile()))
	res := <-done
	want(t, res, r1.Succeeded, "", "")
	if res.Step != 4 || len(res.Outputs) != 2 {
		t.Errorf("result %+v", res)
	}
}

func TestOutageLongerThanPatienceKeepsTheWork(t *testing.T) {
	b := newBench(t, "waits with checkpoints")
	b.cfg.Patience = 30 * time.Millisecond
	b.must(b.store.PutJSON(t.Context(), b.cfg.SpecKey, b.spec))
	failed := make(chan error, 1)
	go func() { _, err := Run(t.Context(), b.cfg); failed <- err }()
	b.awaitReady()
	write(b.store.downFile(), "")
	write(filepath.Join(b.gate, "go"), "")
	if err := <-failed; err == nil || ExitCode(r1.Result{}, err) != ExitNoResult {
		t.Fatalf("error %v, want one", err)
	}
	// Started again when S3 is back, the agent finishes without training.
	b.must(os.Remove(b.store.downFile()))
	b.cfg.Trainer = []string{"/no/such/python"}
	want(t, b.run(t.Context()), r1.Succeeded, "", "")
}

func TestNoSecretsInTrainerAndVerifier(t *testing.T) {
	b := newBench(t, "succeeds")
	b.spec.Verifier = true
	b.cfg.Verifier = []string{os.Args[0], "scripted-verifier", "lives"}
	b.cfg.TrainerEnv = append(b.cfg.TrainerEnv, "PYTHONPATH=/trainer")
	// The agent's own process holds secrets; a second process, so that no other test sees them.
	cmd := b.process()
	cmd.Env = append(cmd.Env, "TMPDIR="+b.gate, "AWS_SECRET_ACCESS_KEY=hush", "R1CTL_CREDENTIALS_FILE=/hush", "HF_TOKEN=hush")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	env := readKey(b, "tiny/tiny-0102-abcd/zero/model/environment")
	for _, has := range []string{"PATH=", "PYTHONPATH=/trainer", "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1"} {
		if !strings.Contains(env, has) {
			t.Errorf("%s is missing in the trainer's environment:\n%s", has, env)
		}
	}
	if got := readKey(b, "tiny/tiny-0102-abcd/zero/model/reward_url"); got != "http://127.0.0.1:1\n" {
		t.Errorf("reward URL %q", got)
	}
	verifierEnv, err := os.ReadFile(filepath.Join(b.gate, "verifier-environment"))
	b.must(err)
	if all := env + string(verifierEnv); strings.Contains(all, "hush") || strings.Contains(all, "CREDENTIALS") {
		t.Errorf("a secret is in\n%s", all)
	}
}

func TestVerifierThatDiesIsInfrastructure(t *testing.T) {
	b := newBench(t, "saves when asked")
	b.spec.Verifier = true
	b.cfg.Verifier = []string{os.Args[0], "scripted-verifier", "dies"}
	want(t, b.run(t.Context()), r1.Failed, r1.ClassInfrastructure, "verifier-died")
}

func TestKilledAgentTakesItsTrainerAlong(t *testing.T) {
	b := newBench(t, "saves when asked")
	b.must(b.store.PutJSON(t.Context(), b.cfg.SpecKey, b.spec))
	cmd := b.process()
	b.must(cmd.Start())
	b.awaitReady()
	b.until("the trainer's pid and its checkpoint", func() bool { hb := b.heartbeat(); return hb.PID > 0 && hb.Checkpoint != nil })
	trainer := b.heartbeat().PID
	b.must(cmd.Process.Kill())
	_ = cmd.Wait()
	b.until("the trainer's death", func() bool { return !alive(trainer) })
	// An agent that is started again has no trainer to go on with, and says so.
	res := b.run(t.Context())
	want(t, res, r1.Failed, r1.ClassInfrastructure, "agent-died")
	if res.Step != 1 || res.Checkpoint == nil || res.Checkpoint.Step != 1 {
		t.Errorf("result %+v, want step and checkpoint 1", res)
	}
}

func TestSecondRunReturnsTheFirstResult(t *testing.T) {
	b := newBench(t, "succeeds")
	first := b.run(t.Context())
	b.cfg.Trainer = []string{"/no/such/python"}
	if second := b.run(t.Context()); !second.Ended.Equal(first.Ended) || second.Outcome != r1.Succeeded {
		t.Errorf("second %+v, first %+v", second, first)
	}
}

// alive says whether a process runs; a zombie does not.
func alive(pid int) bool {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// process is the attempt as a process of its own.
func (b *bench) process() *exec.Cmd {
	b.t.Helper()
	b.must(b.store.PutJSON(b.t.Context(), b.cfg.SpecKey, b.spec))
	cmd := exec.Command(os.Args[0], b.agentArgs()...)
	cmd.Env = os.Environ()
	return cmd
}

// agentArgs are the arguments of agentProcess.
func (b *bench) agentArgs() []string {
	raw, err := json.Marshal(agentArgs{Store: b.store.dir, Work: b.cfg.WorkDir, Gate: b.gate, Trainer: b.cfg.Trainer, TrainerEnv: b.cfg.TrainerEnv, Verifier: b.cfg.Verifier})
	b.must(err)
	return []string{"agent", string(raw), "--bucket", "b", "--spec", b.cfg.SpecKey}
}

type agentArgs struct {
	Store, Work, Gate             string
	Trainer, TrainerEnv, Verifier []string
}

// agentMain is `r1ctl agent` over a fake S3.
func agentMain(args []string) int {
	var in agentArgs
	if err := json.Unmarshal([]byte(args[0]), &in); err != nil {
		panic(err)
	}
	ctx, stop := signalContext(syscall.SIGTERM)
	defer stop()
	res, err := Run(ctx, Config{
		Store: fakeStore{in.Store}, SpecKey: args[4], WorkDir: in.Work, Trainer: in.Trainer, TrainerEnv: in.TrainerEnv, Verifier: in.Verifier,
		Grace: 20 * time.Second, Interval: 10 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		slog.Error("no result", "error", err)
	}
	return ExitCode(res, err)
}

func readKey(b *bench, key string) string {
	b.t.Helper()
	raw, err := b.store.get(key)
	b.must(err)
	return string(raw)
}
