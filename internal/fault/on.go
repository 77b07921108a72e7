//go:build chaos

package fault

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Built says whether this build has fault points.
const Built = true

// Point is a place to fail at; detail names the job or file it is about.
func Point(name, detail string) {
	dir := folder()
	if dir == "" {
		return
	}
	armed := filepath.Join(dir, name+".armed")
	raw, err := os.ReadFile(armed)
	if err != nil {
		return
	}
	var order Order
	if json.Unmarshal(raw, &order) != nil || !strings.Contains(detail, order.Only) {
		return
	}
	if os.Rename(armed, fmt.Sprintf("%s.%d", armed, os.Getpid())) != nil {
		return // somebody else has it
	}
	record, err := json.Marshal(Record{PID: os.Getpid(), Time: time.Now(), Detail: detail})
	if err != nil {
		return
	}
	part := filepath.Join(dir, fmt.Sprintf("%s.%d", name, os.Getpid()))
	if os.WriteFile(part, record, 0o600) != nil || os.Rename(part, filepath.Join(dir, name+".fired")) != nil {
		return // an order that nobody can see carried out is not carried out
	}
	switch order.Do {
	case Kill:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case Stop:
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case Delay:
		time.Sleep(order.Delay)
	}
}

// Now is the time, which a test may make wrong.
func Now() time.Time {
	now := time.Now()
	dir := folder()
	if dir == "" {
		return now
	}
	raw, err := os.ReadFile(filepath.Join(dir, "clock"))
	if err != nil {
		return now
	}
	if shift, err := time.ParseDuration(strings.TrimSpace(string(raw))); err == nil {
		return now.Round(0).Add(shift) // without the monotonic part, which a jump does not move
	}
	return now
}

func folder() string {
	state := os.Getenv("R1CTL_STATE_DIR")
	if state == "" {
		return ""
	}
	return filepath.Join(state, "faults")
}
