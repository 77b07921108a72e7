package r1

import (
	"fmt"
	"path"
)

// Layout gives the S3 keys of a run. Every key in the bucket is made here.
//
//	_runs/<run>.json                              index: run id -> recipe
//	_fingerprints/<2>/<fingerprint>.json          index: job fingerprint -> commit
//	_adopted/<recipe>/<adopted>.json              index: what was adopted, kept in place of a run's: <recipe>/<adopted>/…
//	_digests/<2>/<sha256>.json                    index: file digest -> object
//	_gc/doomed.json                               what a garbage collection is about to remove
//	<recipe>/<run>/run.json                       the frozen run
//	<recipe>/<run>/_amendments/<number>.json      what was changed since, with the plan from then on
//	<recipe>/<run>/_approvals/<stage>.json        who answered the question of a gate
//	<recipe>/<run>/_removed.json                  what garbage collections removed of it, and why
//	<recipe>/<run>/_reviews/<stage>/<fingerprint>.json    what people said of a job's rows; the file lies beside it
//	<recipe>/<run>/<stage>/<output>/…             artifacts, readable by any S3 client
//	<recipe>/<run>/_stages/<stage>.json           stage record, for status
//	<recipe>/<run>/_journal/<stage>/<job>/…        what a computed job has found out so far; gone when it is committed
//	<recipe>/<run>/_jobs/<stage>/<job>/commit.json
//	<recipe>/<run>/_jobs/<stage>/<job>/<attempt>/{spec,heartbeat,result}.json, metrics/, log/, checkpoints/, accounts/
type Layout struct {
	Recipe string
	Run    string
}

// Prefix is the run's prefix, without a slash at its end.
func (l Layout) Prefix() string { return path.Join(l.Recipe, l.Run) }

// RunFile is the frozen run.
func (l Layout) RunFile() string { return path.Join(l.Prefix(), "run.json") }

// Amendment is the n-th amendment of the run, from 1.
func (l Layout) Amendment(n int) string {
	return path.Join(l.Prefix(), "_amendments", fmt.Sprintf("%04d.json", n))
}

// Approval is the answer to the question of a stage's gate.
func (l Layout) Approval(stage string) string {
	return path.Join(l.Prefix(), "_approvals", stage+".json")
}

// GateChecks is what became of the conditions of a stage's gate when they were
// looked at last.
func (l Layout) GateChecks(stage string) string {
	return path.Join(l.Prefix(), "_gates", stage+".json")
}

// AdoptedRun is the name under which something from outside is kept, in place of a
// run's: the same output of a job with the same content has the same.
func AdoptedRun(fingerprint, digest string) string {
	return "adopted-" + fingerprint[:8] + "-" + digest[:8]
}

// AdoptedIndex is the key that says that something was adopted, and AdoptedIndexPrefix
// lists all: like runs, these hold commits whose files must stay.
func AdoptedIndex(l Layout) string { return path.Join("_adopted", l.Recipe, l.Run+".json") }

// AdoptedIndexPrefix lists what was adopted.
const AdoptedIndexPrefix = "_adopted/"

// Review is what people said of the rows of a stage's job, by the job's fingerprint.
func (l Layout) Review(stage, fingerprint string) string {
	return l.reviews(stage, fingerprint) + ".json"
}

// ReviewData is the readable prefix of a reviewed file, by its digest.
func (l Layout) ReviewData(stage, fingerprint, sha256 string) string {
	return path.Join(l.reviews(stage, fingerprint), sha256[:16])
}

func (l Layout) reviews(stage, fingerprint string) string {
	return path.Join(l.Reviews(), stage, fingerprint[:16])
}

// Reviews is the prefix of all that people said of rows, with a slash at its end.
func (l Layout) Reviews() string { return path.Join(l.Prefix(), "_reviews") + "/" }

// Jobs is the prefix of the records of all jobs, with a slash at its end.
func (l Layout) Jobs() string { return path.Join(l.Prefix(), "_jobs") + "/" }

// StateFile is the run record, for status.
func (l Layout) StateFile() string { return path.Join(l.Prefix(), "state.json") }

// StageFile is the stage record, for status.
func (l Layout) StageFile(stage string) string {
	return path.Join(l.Prefix(), "_stages", stage+".json")
}

// Artifact is the readable prefix of an output. A later attempt gets a prefix
// of its own, so that an attempt declared lost can never write into another's.
func (l Layout) Artifact(o OutputDecl, attempt int) string {
	p := path.Join(l.Prefix(), o.Path)
	if attempt > 1 {
		p = fmt.Sprintf("%s.attempt-%d", p, attempt)
	}
	return p
}

// Job is the prefix of a job's records.
func (l Layout) Job(k JobKey) string { return path.Join(l.Prefix(), "_jobs", k.Stage, k.Job) }

// Journal is the prefix, without a slash at its end, of what the attempts of a
// computed job have found out, each for those after it.
func (l Layout) Journal(k JobKey) string { return path.Join(l.Prefix(), "_journal", k.Stage, k.Job) }

// Commit is the one object that says a job is done.
func (l Layout) Commit(k JobKey) string { return path.Join(l.Job(k), "commit.json") }

// Attempt is the prefix an attempt owns for its records.
func (l Layout) Attempt(k AttemptKey) string {
	return path.Join(l.Job(k.JobKey), fmt.Sprint(k.Attempt))
}

// Names of the objects below Layout.Attempt.
const (
	SpecFile      = "spec.json"
	HandleFile    = "handle.json"
	HeartbeatFile = "heartbeat.json"
	ResultFile    = "result.json"
	MetricsFile   = "metrics.jsonl" // the trainer's file; in S3 it is the stream MetricsDir
	MetricsDir    = "metrics"       // pieces named by their byte offset: internal/agent/stream
	LogDir        = "log"           // likewise
	CheckpointDir = "checkpoints"
	AccountsDir   = "accounts" // of a curation that failed: what became of each row
	CompleteFile  = "COMPLETE"
	ManifestFile  = "manifest.json" // below an artifact's prefix
)

// RunIndex is the key that finds a run by id alone.
func RunIndex(run string) string { return path.Join("_runs", run+".json") }

// DoomedKey says what a garbage collection is about to remove.
const DoomedKey = "_gc/doomed.json"

// Removed is the record of what garbage collections removed of the run.
func (l Layout) Removed() string { return path.Join(l.Prefix(), "_removed.json") }

// RunIndexPrefix lists all runs.
const RunIndexPrefix = "_runs/"

// FingerprintIndex is the key that finds the commit of an equal job.
func FingerprintIndex(fp string) string { return path.Join("_fingerprints", fp[:2], fp+".json") }

// DigestIndex is the key that finds an object with equal bytes.
func DigestIndex(sha256 string) string { return path.Join("_digests", sha256[:2], sha256+".json") }
