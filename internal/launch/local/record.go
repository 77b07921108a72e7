package local

import (
	"strconv"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Names in an attempt's folder; doc.go says what they are.
const (
	submitLock  = "submit.lock"
	lifeLock    = "life.lock"
	processFile = "process.json"
	exitFile    = "exit.json"
	logFile     = "agent.log"
)

// processRecord is process.json. Pid, start time and boot together name one
// process for good; a pid alone is used again.
type processRecord struct {
	PID     int       `json:"pid"`
	Start   uint64    `json:"start_ticks"` // since boot, field 22 of /proc/<pid>/stat
	Boot    string    `json:"boot_id"`
	Started time.Time `json:"started"`
}

// id is the process's name for people; of no process, nothing.
func (p processRecord) id() string {
	if p.PID == 0 {
		return ""
	}
	return "pid " + strconv.Itoa(p.PID)
}

// exitRecord is exit.json.
type exitRecord struct {
	Outcome r1.Outcome `json:"outcome"`
	Code    int        `json:"code"` // -1: nobody saw it
	Reason  string     `json:"reason,omitempty"`
	Ended   time.Time  `json:"ended"`
}
