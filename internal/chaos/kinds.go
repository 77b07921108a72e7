package chaos

import (
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
)

// Act is what is done to a part.
type Act string

// The acts.
const (
	Kill      Act = "kill"      // SIGKILL
	Terminate Act = "terminate" // SIGTERM, as a scheduler sends it
	Freeze    Act = "freeze"    // SIGSTOP, and SIGCONT when it has lasted
	Pass      Act = "point"     // the process that passes a fault point is killed or frozen there
	Spoil     Act = "spoil"     // S3 is killed, or answers wrongly, as long as it lasts
	Misbehave Act = "misbehave" // the scripted trainer does what Arg says, once
	Shift     Act = "shift"     // the clock of r1ctl jumps by Arg, and back when it has lasted
	Fill      Act = "fill"      // the disk is full as long as it lasts
)

// Part is who it is done to.
type Part string

// The parts.
const (
	PartEngine   Part = "engine"  // r1ctl server with all that is in it
	PartWorker   Part = "worker"  // one of two
	PartWorkers  Part = "workers" // both
	PartAgent    Part = "agent"
	PartTrainer  Part = "trainer"
	PartVerifier Part = "verifier"
	PartS3       Part = "s3"
	PartTemporal Part = "temporal"
	PartDisk     Part = "disk"
	PartClock    Part = "clock"
	PartPoint    Part = "whoever passes"
)

// Where says in which jobs of a recipe a fault can happen.
type Where string

// The sets of jobs.
const (
	Launched     Where = "launched"     // those that a trainer does
	Checkpointed Where = "checkpointed" // those that write checkpoints
	Verified     Where = "verified"     // those with a verifier beside the trainer
	Computed     Where = "computed"     // those that the worker does
	Closing      Where = "closing"      // none: the end of the run
)

// Kind is one way to do harm.
type Kind struct {
	Name string // stable
	What string // for people
	Act  Act
	On   Part
	// Arg: of Pass the point; of Spoil "down" (killed and away) or how the proxy
	// answers; of Misbehave what the trainer does; of Shift by how much.
	Arg string
	// Do is what happens at the point: fault.Kill or fault.Stop.
	Do string
	// At is the point at which the act begins; empty is the midst of training.
	At    string
	Lasts time.Duration
	// Error is the name with which the attempt, or where Fails its stage, must
	// fail; empty asks for none. Whatever fails must have some name.
	Error string
	// Fails: the stage fails for good, and somebody has to run r1ctl retry.
	Fails bool
	In    Where
	// Times says how often it is injected in a full suite, by rig; 0 is not there.
	Times map[RigName]int
	// Short is the rig of the short suite, if it is part of that.
	Short RigName
	rank  int // order within a job: early, midst, late
}

// Orders within a job.
const (
	early = iota
	midst
	late
)

const minute = time.Minute

// Kinds is the table of faults.
func Kinds() []Kind {
	return append([]Kind{
		{Name: "engine-killed", What: "kill -9 of the whole engine in the midst of a job; somebody runs r1ctl resume", Act: Kill, On: PartEngine, In: Launched, Times: times(10, 0, 5), Short: Laptop},
		{Name: "engine-killed-two-resumes", What: "kill -9 of the whole engine; two people run r1ctl resume at once", Act: Kill, On: PartEngine, Arg: "two", In: Launched, Times: times(3, 0, 0)},
		{Name: "engine-frozen", What: "the engine is stopped (SIGSTOP) for longer than its activities' heartbeats allow", Act: Freeze, On: PartEngine, Lasts: 15 * time.Second, In: Launched, Times: times(2, 0, 0)},
		{Name: "worker-killed", What: "kill -9 of one of two workers; the other one takes its jobs over", Act: Kill, On: PartWorker, In: Launched, Times: times(0, 8, 0), Short: Cluster},
		{Name: "workers-killed", What: "kill -9 of both workers at once", Act: Kill, On: PartWorkers, In: Launched, Times: times(0, 3, 0)},
		{Name: "worker-frozen", What: "a worker is stopped (SIGSTOP), another takes its attempts over, and the first one wakes up: two workers for one job", Act: Freeze, On: PartWorker, Lasts: 15 * time.Second, In: Launched, Times: times(0, 6, 0), Short: Cluster},
		{Name: "agent-killed", What: "kill -9 of a job's agent", Act: Kill, On: PartAgent, In: Launched, Error: "attempt-lost", Times: times(8, 2, 5), Short: Laptop},
		{Name: "agent-preempted", What: "SIGTERM to a job's agent, as at the end of a preemptible machine", Act: Terminate, On: PartAgent, In: Launched, Error: "preempted", Times: times(6, 2, 3), Short: Laptop},
		{Name: "agent-frozen", What: "a job's agent is stopped (SIGSTOP) for a while", Act: Freeze, On: PartAgent, Lasts: 15 * time.Second, In: Launched, Times: times(2, 1, 0)},
		{Name: "trainer-killed", What: "kill -9 of a job's trainer", Act: Kill, On: PartTrainer, In: Launched, Error: "trainer-killed", Times: times(8, 2, 6), Short: Laptop},
		{Name: "trainer-frozen", What: "a job's trainer is stopped (SIGSTOP) for a while", Act: Freeze, On: PartTrainer, Lasts: 10 * time.Second, In: Launched, Times: times(2, 1, 1)},
		{Name: "verifier-killed", What: "kill -9 of the verifier beside a trainer, which the agent starts again", Act: Kill, On: PartVerifier, In: Verified, Times: times(2, 0, 1)},
		{Name: "s3-killed", What: "kill -9 of the engine's S3 server, which the engine starts again", Act: Kill, On: PartS3, In: Launched, Times: times(4, 0, 3)},
		{Name: "s3-away-checkpoint", What: "S3 is killed while a checkpoint is uploaded, and away for a minute", Act: Spoil, On: PartS3, Arg: "down", At: fault.AgentCheckpoint, Lasts: minute, In: Checkpointed, Times: times(0, 2, 0), Short: Cluster},
		{Name: "s3-away-upload", What: "S3 is killed while outputs are uploaded, and away for a minute", Act: Spoil, On: PartS3, Arg: "down", At: fault.StoreFiles, Lasts: minute, In: Launched, Times: times(0, 2, 0)},
		{Name: "s3-away-commit", What: "S3 is killed before a commit, and away for a minute", Act: Spoil, On: PartS3, Arg: "down", At: fault.EngineCommitting, Lasts: minute, In: Launched, Times: times(0, 2, 0)},
		{Name: "s3-errors-checkpoint", What: "S3 answers 500 while a checkpoint is uploaded", Act: Spoil, On: PartS3, Arg: "errors", At: fault.AgentCheckpoint, Lasts: 20 * time.Second, In: Checkpointed, Times: times(0, 1, 0)},
		{Name: "s3-errors-upload", What: "S3 answers 500 while outputs are uploaded", Act: Spoil, On: PartS3, Arg: "errors", At: fault.StoreFiles, Lasts: 20 * time.Second, In: Launched, Times: times(0, 1, 0)},
		{Name: "s3-errors-commit", What: "S3 answers 500 at a commit", Act: Spoil, On: PartS3, Arg: "errors", At: fault.EngineCommitting, Lasts: 20 * time.Second, In: Launched, Times: times(0, 1, 0), Short: Cluster},
		{Name: "s3-slow-checkpoint", What: "S3 is slow while a checkpoint is uploaded", Act: Spoil, On: PartS3, Arg: "slow", At: fault.AgentCheckpoint, Lasts: 20 * time.Second, In: Checkpointed, Times: times(0, 1, 0)},
		{Name: "s3-slow-upload", What: "S3 is slow while outputs are uploaded", Act: Spoil, On: PartS3, Arg: "slow", At: fault.StoreFiles, Lasts: 20 * time.Second, In: Launched, Times: times(0, 1, 0)},
		{Name: "s3-slow-commit", What: "S3 is slow at a commit", Act: Spoil, On: PartS3, Arg: "slow", At: fault.EngineCommitting, Lasts: 20 * time.Second, In: Launched, Times: times(0, 1, 0)},
		{Name: "s3-reset-checkpoint", What: "S3 breaks connections off while a checkpoint is uploaded", Act: Spoil, On: PartS3, Arg: "reset", At: fault.AgentCheckpoint, Lasts: 20 * time.Second, In: Checkpointed, Times: times(0, 1, 0)},
		{Name: "s3-reset-upload", What: "S3 breaks connections off while outputs are uploaded", Act: Spoil, On: PartS3, Arg: "reset", At: fault.StoreFiles, Lasts: 20 * time.Second, In: Launched, Times: times(0, 1, 0)},
		{Name: "s3-reset-commit", What: "S3 breaks connections off at a commit", Act: Spoil, On: PartS3, Arg: "reset", At: fault.EngineCommitting, Lasts: 20 * time.Second, In: Launched, Times: times(0, 1, 0)},
		{Name: "temporal-killed", What: "kill -9 of Temporal, which is started again", Act: Kill, On: PartTemporal, In: Launched, Times: times(0, 3, 0), Short: Cluster},
		{Name: "temporal-away", What: "Temporal is killed and away for a while", Act: Spoil, On: PartTemporal, Arg: "down", Lasts: 20 * time.Second, In: Launched, Times: times(0, 2, 0)},
		{Name: "clock-forward", What: "the clock jumps three hours ahead, and back", Act: Shift, On: PartClock, Arg: "3h", Lasts: 5 * time.Second, In: Launched, Times: times(2, 1, 0), Short: Laptop},
		{Name: "clock-backward", What: "the clock jumps three hours back, and ahead again", Act: Shift, On: PartClock, Arg: "-3h", Lasts: 5 * time.Second, In: Launched, Times: times(2, 1, 0)},
		{Name: "disk-full-checkpoint", What: "the disk is full while a checkpoint is written and uploaded", Act: Fill, On: PartDisk, At: fault.AgentCheckpoint, Lasts: 15 * time.Second, In: Checkpointed, Times: map[RigName]int{Disk: 2}},
		{Name: "disk-full-database", What: "the disk is full while the engine writes its database", Act: Fill, On: PartDisk, At: fault.EngineCommitting, Lasts: 15 * time.Second, In: Launched, Times: map[RigName]int{Disk: 2}},
	}, append(misbehaviours(), points()...)...)
}

// times are those of laptop, cluster and real.
func times(laptop, cluster, real int) map[RigName]int {
	return map[RigName]int{Laptop: laptop, Cluster: cluster, Real: real}
}

// misbehaviours are what the scripted trainer can be told to do.
func misbehaviours() []Kind {
	list := []struct {
		do, what, err string
		fails         bool
		in            Where
		short         bool
	}{
		{"exit0-no-outputs", "the trainer exits 0 without outputs", "output-missing", false, Launched, true},
		{"exit0-no-training", "the trainer exits 0 with outputs, and has trained nothing", "nothing-trained", false, Checkpointed, false},
		{"torn-checkpoint", "the trainer writes a torn checkpoint, marked as complete, and is killed", "", false, Checkpointed, true},
		{"fork-children", "the trainer leaves children behind that do not die with it", "", false, Launched, true},
		{"exception", "the trainer ends with an exception", "trainer-failed", false, Launched, false},
		{"oom", "the trainer runs out of memory", "out-of-memory", true, Launched, false},
		{"killed-within", "the trainer is killed from within", "trainer-killed", false, Launched, false},
		{"sigterm-ignored", "the trainer ignores SIGTERM, and its agent is preempted", "preempted", false, Launched, false},
		{"wrong-resume", "the trainer begins at another step than it was told", "", false, Checkpointed, false},
		{"nan", "the loss is not a number", "nan", true, Checkpointed, true},
		{"slow-exit", "the trainer ends long after its summary", "", false, Launched, false},
		{"clock-jump", "the trainer's clock jumps", "", false, Launched, false},
		{"stdout-flood", "the trainer floods its output", "", false, Launched, false},
		{"huge-metrics-line", "the trainer writes a huge line of metrics", "", false, Launched, false},
		{"hang", "the trainer hangs", "trainer-stalled", false, Launched, true},
	}
	kinds := make([]Kind, 0, len(list))
	for _, m := range list {
		k := Kind{Name: "trainer-" + m.do, What: m.what, Act: Misbehave, On: PartTrainer, Arg: m.do, Error: m.err, Fails: m.fails, In: m.in, Times: times(1, 1, 0)}
		if m.short {
			k.Short = Laptop
		}
		kinds = append(kinds, k)
	}
	return kinds
}

// shortPoints are the points of the short suite.
func shortPoints() map[string]RigName {
	return map[string]RigName{
		fault.EngineSubmitted: Laptop, fault.LauncherForked: Laptop, fault.EngineComputeStored: Laptop, fault.StoreCommit: Laptop,
		fault.ChildRecorded: Cluster, fault.AgentOutput: Cluster, fault.EngineCommitted: Cluster,
	}
}

// points kills the process that passes a fault point: each point twice on a
// laptop, once in a cluster; and freezes it where another could take over.
func points() []Kind {
	var kinds []Kind
	for _, p := range fault.Points() {
		kill := Kind{Name: "killed-at-" + p.Name, What: "kill -9: " + p.What, Act: Pass, On: PartPoint, Arg: p.Name, Do: fault.Kill,
			In: jobsOf(p), Times: times(2, 1, 0), Short: shortPoints()[p.Name], rank: rankOf(p.Name)}
		if kill.In == Closing {
			kill.Times = times(1, 1, 0)
		}
		freeze := kill
		freeze.Name, freeze.What, freeze.Do, freeze.Lasts = "frozen-at-"+p.Name, "stopped for longer than its heartbeats allow: "+p.What, fault.Stop, 15*time.Second
		freeze.Times, freeze.Short = times(0, 1, 0), ""
		kinds = append(kinds, kill)
		if overtaken(p.Name) {
			kinds = append(kinds, freeze)
		}
	}
	return kinds
}

// overtaken says whether another process may do the same work while one is frozen at the point.
func overtaken(point string) bool {
	return strings.HasPrefix(point, "engine.") || strings.HasPrefix(point, "launcher.") || point == fault.StoreCommit || point == fault.ChildBorn
}

func jobsOf(p fault.Info) Where {
	switch {
	case p.Compute:
		return Computed
	case p.Name == fault.AgentCheckpoint || p.Name == fault.AgentMarked || p.Name == fault.AgentForgetting:
		return Checkpointed
	case p.Name == fault.EngineRun:
		return Closing
	}
	return Launched
}

// life is the order in which a job passes the points.
func life() []string {
	return []string{
		fault.EngineClaimed, fault.EngineSpec, fault.LauncherLocked, fault.LauncherForked, fault.ChildBorn, fault.ChildRecorded,
		fault.EngineSubmitted, fault.EngineFollowing, fault.AgentFetched, fault.AgentTraining,
		fault.AgentCheckpoint, fault.AgentMarked, fault.AgentForgetting,
		fault.AgentTrained, fault.AgentEnded, fault.EngineComputed, fault.StoreFiles, fault.StoreManifest, fault.AgentOutput, fault.EngineComputeStored,
		fault.AgentResult, fault.AgentDone, fault.ChildEnding, fault.EngineEnded, fault.EngineCommitting, fault.StoreCommit, fault.EngineCommitted,
		fault.EngineStage, fault.EngineRun,
	}
}

// lifeOf is the place of a point in a job's life; -1 of what is no point.
func lifeOf(point string) int { return slices.Index(life(), point) }

func rankOf(point string) int {
	switch at := lifeOf(point); {
	case at < lifeOf(fault.AgentCheckpoint):
		return early
	case at > lifeOf(fault.AgentForgetting):
		return late
	}
	return midst
}

// rankIn is the order of a kind within a job.
func (k *Kind) rankIn() int {
	switch {
	case k.Act == Pass:
		return k.rank
	case k.At != "":
		return rankOf(k.At)
	}
	return midst
}
