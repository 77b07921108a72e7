package fault

import "time"

// The points, by who passes them. Their names are those of the files of orders.
const (
	EngineSpec          = "engine.spec"           // the spec of an attempt is written, nothing is submitted
	EngineSubmitted     = "engine.submitted"      // submitted, its handle not recorded
	EngineFollowing     = "engine.following"      // its handle is recorded
	EngineEnded         = "engine.ended"          // the attempt has ended, its result is not read
	EngineCommitting    = "engine.committing"     // its result is read and proven, nothing is committed
	EngineCommitted     = "engine.committed"      // committed, the workflow does not know
	EngineClaimed       = "engine.claimed"        // a computed job has its attempt number
	EngineJournal       = "engine.journal"        // an entry of a computed job's journal is kept; jobs of few rows have none
	EngineComputed      = "engine.computed"       // a computed job's dataset lies in a local folder
	EngineComputeStored = "engine.compute-stored" // a computed job's dataset is stored, not committed
	EngineStage         = "engine.stage-recorded" // a stage's new state is written, the workflow does not know
	EngineRun           = "engine.run-recorded"   // a run's new state is written, the workflow does not know

	StoreFiles      = "store.files"      // an artifact's files are stored, its manifest is not
	StoreManifest   = "store.manifest"   // its manifest is stored
	StoreCommit     = "store.commit"     // a commit is written, the index of fingerprints does not know
	LauncherLocked  = "launcher.locked"  // the launcher has the attempt's locks, and has not forked
	LauncherForked  = "launcher.forked"  // it has forked, and has not heard of the child
	ChildBorn       = "child.born"       // the attempt's process lives, without a record
	ChildRecorded   = "child.recorded"   // it has its record
	ChildEnding     = "child.ending"     // its work is done, its end is not recorded
	AgentFetched    = "agent.fetched"    // inputs are there, no trainer yet
	AgentTraining   = "agent.training"   // the trainer has just been started
	AgentCheckpoint = "agent.checkpoint" // a checkpoint's files are stored, its COMPLETE is not
	AgentMarked     = "agent.marked"     // its COMPLETE is stored, the heartbeat does not name it
	AgentForgetting = "agent.forgetting" // an old checkpoint's COMPLETE is deleted, its files are not
	AgentTrained    = "agent.trained"    // the trainer has ended, ended.json is not written
	AgentEnded      = "agent.ended"      // ended.json is written, outputs are not stored
	AgentOutput     = "agent.output"     // an output is stored, others and the result are not
	AgentResult     = "agent.result"     // all is stored but the result
	AgentDone       = "agent.done"       // the result is stored, the folder is not removed
)

// Info is a point for people.
type Info struct {
	Name, What string
	Compute    bool // passed by computed jobs only
}

// Points lists all points.
func Points() []Info {
	return []Info{
		{EngineSpec, "the spec of an attempt is written, nothing is submitted", false},
		{EngineSubmitted, "an attempt is submitted, its handle is not recorded", false},
		{EngineFollowing, "the handle is recorded, the attempt is not followed yet", false},
		{EngineEnded, "the attempt has ended, its result is not read", false},
		{EngineCommitting, "the result is proven, nothing is committed", false},
		{EngineCommitted, "the job is committed, the workflow does not know", false},
		{EngineClaimed, "a computed job has its attempt number", true},
		{EngineComputed, "a computed job's dataset lies in a local folder", true},
		{EngineComputeStored, "a computed job's dataset is stored, not committed", true},
		{EngineStage, "a stage's new state is written, the workflow does not know", false},
		{EngineRun, "a run's new state is written, the workflow does not know", false},
		{StoreFiles, "an artifact's files are stored, its manifest is not", false},
		{StoreManifest, "an artifact's manifest is stored, nobody was told", false},
		{StoreCommit, "a commit is written, the index of fingerprints does not know", false},
		{LauncherLocked, "the launcher holds an attempt's locks and has not forked", false},
		{LauncherForked, "the launcher has forked and not heard of the child", false},
		{ChildBorn, "the attempt's process lives without a record", false},
		{ChildRecorded, "the attempt's process has its record", false},
		{ChildEnding, "the agent's work is done, its end is not recorded", false},
		{AgentFetched, "inputs are there, no trainer runs", false},
		{AgentTraining, "the trainer has just been started", false},
		{AgentCheckpoint, "a checkpoint's files are stored, its COMPLETE is not", false},
		{AgentMarked, "a checkpoint is complete, the heartbeat does not name it", false},
		{AgentForgetting, "an old checkpoint is no longer complete, its files are there", false},
		{AgentTrained, "the trainer has ended, the agent has not noted it", false},
		{AgentEnded, "the trainer's end is noted, no output is stored", false},
		{AgentOutput, "an output is stored, the result is not", false},
		{AgentResult, "everything is stored but the result", false},
		{AgentDone, "the result is stored, the working folder is there", false},
	}
}

// What an order may ask for.
const (
	Kill  = "kill"  // SIGKILL to itself
	Stop  = "stop"  // SIGSTOP to itself
	Delay = "delay" // sleep
)

// Order is the content of NAME.armed.
type Order struct {
	Do    string        `json:"do"`
	Delay time.Duration `json:"delay,omitempty"`
	// Only is a part of the detail (such as "zero/phase-02") without which a point is passed.
	Only string `json:"only,omitempty"`
}

// Record is the content of NAME.fired.
type Record struct {
	PID    int       `json:"pid"`
	Time   time.Time `json:"time"`
	Detail string    `json:"detail"`
}
