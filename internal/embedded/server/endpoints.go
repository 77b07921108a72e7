package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// What clients find in every embedded server.
const (
	Namespace = "r1ctl"
	Region    = "us-east-1"
	Bucket    = "r1ctl"
)

// searchAttributes are the custom attributes of the namespace, all of type Keyword.
var searchAttributes = []string{"R1Recipe", "R1Profile", "R1Stage", "R1State", "R1Owner"}

// Endpoints is how to reach an embedded server. Printing it never gives the secret.
type Endpoints struct {
	PID             int       `json:"pid"`
	ProcessStart    string    `json:"process_start"` // with PID, names the process beyond doubt
	Version         string    `json:"version"`       // of the r1ctl that runs the server
	Started         time.Time `json:"started"`
	StateDir        string    `json:"state_dir"`
	TemporalAddress string    `json:"temporal_address"`
	Namespace       string    `json:"namespace"`
	UIURL           string    `json:"ui_url"`
	ReportURL       string    `json:"report_url"` // empty when no pages are served
	S3Endpoint      string    `json:"s3_endpoint"`
	S3Region        string    `json:"s3_region"`
	Bucket          string    `json:"bucket"`
	CredentialsFile string    `json:"credentials_file"`
	AccessKey       string    `json:"-"`
	SecretKey       string    `json:"-"`
}

func (e Endpoints) String() string {
	return fmt.Sprintf("temporal %s namespace %s, web UI %s, reports %s, S3 %s bucket %s access key %s secret key redacted (%s), pid %d",
		e.TemporalAddress, e.Namespace, e.UIURL, e.ReportURL, e.S3Endpoint, e.Bucket, e.AccessKey, e.CredentialsFile, e.PID)
}

// GoString keeps the secret out of %#v.
func (e Endpoints) GoString() string { return e.String() }

func (e Endpoints) process() statedir.Process {
	return statedir.Process{PID: e.PID, Start: e.ProcessStart}
}

// Status is what Probe finds.
type Status struct {
	State     string    // StateStopped, StateBusy or StateReady
	Endpoints Endpoints // when ready
	PID       int       // of the process that holds the state directory, 0 when unknown
	LastError *r1.Error // why the last server ended, if with an error; when not ready
}

// The states of a server.
const (
	StateStopped = "stopped"
	StateBusy    = "starting or stopping"
	StateReady   = "ready"
)

// Probe describes the server of a state directory without changing anything. A
// state directory that does not exist has none.
func Probe(stateDir string) (Status, error) {
	dir, err := statedir.At(stateDir)
	if err != nil {
		return Status{}, err
	}
	holder, held, err := statedir.Held(dir.ServerLock())
	if err != nil {
		return Status{}, err
	}
	st := Status{State: StateStopped, PID: holder.PID}
	if held {
		ready, err := readReady(dir, holder, &st.Endpoints)
		if err != nil {
			return Status{}, err
		}
		if ready {
			st.State = StateReady
			return st, nil
		}
		st.State = StateBusy
	}
	st.LastError = readError(dir)
	return st, nil
}

// readReady reads how to reach the holder of the lock. A file that another
// process left behind, killed before it could remove it, does not count.
func readReady(dir statedir.Dir, holder statedir.Process, ep *Endpoints) (bool, error) {
	err := statedir.ReadJSON(dir.ServerFile(), ep)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if ep.process() != holder {
		*ep = Endpoints{}
		return false, nil
	}
	creds, err := statedir.ReadCredentials(ep.CredentialsFile)
	if err != nil {
		return false, err
	}
	ep.AccessKey, ep.SecretKey = creds.AccessKey, creds.SecretKey
	return true, nil
}

// reachable fails when the server holds its lock but answers nobody.
func (e Endpoints) reachable() error {
	conn, err := net.DialTimeout("tcp", e.TemporalAddress, 2*time.Second)
	if err != nil {
		return &r1.Error{
			Name:   "server-unresponsive",
			Detail: fmt.Sprintf("the embedded server (pid %d) runs but does not answer on %s", e.PID, e.TemporalAddress),
			Remedy: "r1ctl server stop, then run the command again",
			Err:    err,
		}
	}
	return conn.Close()
}

// failure is how an error travels from the server to its clients.
type failure struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// asFailure flattens any error; one without a name becomes server-failed.
func asFailure(err error, logDir string) failure {
	if e, ok := r1.AsError(err); ok {
		return failure{Name: e.Name, Detail: e.Error(), Remedy: e.Remedy}
	}
	return failure{Name: "server-failed", Detail: "the embedded server failed: " + err.Error(), Remedy: "see the logs in " + logDir}
}

func (f failure) asError() *r1.Error {
	return &r1.Error{Name: f.Name, Detail: f.Detail, Remedy: f.Remedy}
}

func readError(dir statedir.Dir) *r1.Error {
	var f failure
	if err := statedir.ReadJSON(dir.ErrorFile(), &f); err != nil || f.Name == "" {
		return nil // nothing is lost: the logs tell the same
	}
	return f.asError()
}
