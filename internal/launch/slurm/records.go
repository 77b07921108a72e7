package slurm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Names in an attempt's folder; doc.go says what they are.
const (
	submitLock = "submit.lock"
	intentFile = "intent.json"
	jobFile    = "job.json"
	envFile    = "env"
	claimFile  = "claim"
	startFile  = "start.json"
	exitFile   = "exit.json"
	endFile    = "end.json"
)

// nobody has the claim of an attempt that must not begin any more.
const nobody = "none"

// intentRecord is intent.json.
type intentRecord struct {
	Begun time.Time `json:"begun"`
}

// jobRecord is job.json.
type jobRecord struct {
	ID      string `json:"id"`
	Cluster string `json:"cluster,omitempty"` // in a federation
	// Notice is how long before its walltime is over it gets SIGTERM.
	Notice time.Duration `json:"notice"`
}

// startRecord is start.json.
type startRecord struct {
	Job     string    `json:"job"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// exitRecord is exit.json.
type exitRecord struct {
	Job   string    `json:"job"`
	Code  int       `json:"code"`
	Ended time.Time `json:"ended"`
}

// endRecord is end.json.
type endRecord struct {
	Job     string     `json:"job,omitempty"`
	Outcome r1.Outcome `json:"outcome"`
	Code    int        `json:"code"` // -1: nobody saw it
	Reason  string     `json:"reason,omitempty"`
	Host    string     `json:"host,omitempty"`
	Started time.Time  `json:"started,omitzero"`
	Ended   time.Time  `json:"ended"`
}

func (e endRecord) status() r1.Status {
	return r1.Status{State: r1.StateEnded, ID: jobName(e.Job), Outcome: e.Outcome, ExitCode: e.Code, Reason: e.Reason, Host: e.Host, Started: e.Started, Ended: e.Ended}
}

// jobName is a job's name for people; of none, nothing.
func jobName(id string) string {
	if id == "" {
		return ""
	}
	return "job " + id
}

// evidence is what an attempt's folder says.
type evidence struct {
	end     *endRecord
	job     *jobRecord
	intent  *intentRecord
	start   *startRecord
	stop    *record.Stop
	exit    *exitRecord
	claimed string // number of the job that has the claim, nobody, or empty
}

// gather reads an attempt's folder. One that is not there says nothing.
func gather(dir string) (e evidence, err error) {
	// The end is read first: once it is there, nothing else matters.
	if e.end, err = read[endRecord](dir, endFile); e.end != nil || err != nil {
		return e, err
	}
	var errs [5]error
	e.job, errs[0] = read[jobRecord](dir, jobFile)
	e.intent, errs[1] = read[intentRecord](dir, intentFile)
	e.stop, errs[2] = read[record.Stop](dir, record.StopFile)
	e.start, errs[3] = read[startRecord](dir, startFile)
	e.exit, errs[4] = read[exitRecord](dir, exitFile)
	e.claimed, err = holder(dir)
	return e, errors.Join(append(errs[:], err)...)
}

func read[T any](dir, name string) (*T, error) {
	v := new(T)
	ok, err := record.Read(dir, name, v)
	if !ok || err != nil {
		return nil, err
	}
	return v, nil
}

// claim makes who the holder of the attempt, unless somebody is, and says who is.
func claim(dir, who string) (string, error) {
	err := os.Symlink(who, filepath.Join(dir, claimFile))
	if err == nil {
		return who, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return holder(dir)
}

// holder says who has the claim; empty is nobody yet.
func holder(dir string) (string, error) {
	who, err := os.Readlink(filepath.Join(dir, claimFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return who, err
}
