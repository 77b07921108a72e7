package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Names in an attempt's folder; doc.go says what they are.
const (
	submitLock  = "submit.lock"
	lifeLock    = "life.lock"
	processFile = "process.json"
	stopFile    = "stop.json"
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

// stopRecord is stop.json.
type stopRecord struct {
	Requested time.Time `json:"requested"`
	Deadline  time.Time `json:"deadline"` // then it is killed
}

// exitRecord is exit.json.
type exitRecord struct {
	Outcome r1.Outcome `json:"outcome"`
	Code    int        `json:"code"` // -1: nobody saw it
	Reason  string     `json:"reason,omitempty"`
	Ended   time.Time  `json:"ended"`
}

// attemptDir is the folder of an attempt. Key parts become path elements, so
// they are checked here.
func attemptDir(root string, key r1.AttemptKey) (string, error) {
	for _, part := range []string{key.Run, key.Stage, key.Job} {
		if !filepath.IsLocal(part) || part == "." || strings.ContainsAny(part, "/\x00") {
			return "", fmt.Errorf("attempt key %q: %q cannot name a folder", key, part)
		}
	}
	if key.Attempt < 1 {
		return "", fmt.Errorf("attempt key %q: attempts count from 1", key)
	}
	return filepath.Join(root, key.Run, key.Stage, key.Job, strconv.Itoa(key.Attempt)), nil
}

// readRecord reads a record and says whether there is one.
func readRecord(dir, name string, v any) (bool, error) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("read %s: %w", filepath.Join(dir, name), err)
	}
	return true, nil
}

// writeRecord replaces a record in one step.
func writeRecord(dir, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	f, err := os.CreateTemp(dir, name+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
	}
	return nil
}
