package server

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"syscall"
)

// reportVariable names the file descriptor on which a server tells the client
// that started it how its start goes: one report a line.
const reportVariable = "R1CTL_SERVER_REPORT_FD"

// report is a line: exactly one field is set.
type report struct {
	Step  string   `json:"step,omitempty"` // what is being done now
	Ready bool     `json:"ready,omitempty"`
	Error *failure `json:"error,omitempty"`
}

// reporter sends reports; a nil one sends nothing.
type reporter struct{ w io.WriteCloser }

// inheritReporter takes over the descriptor from the environment, and keeps it
// from the processes that this one starts.
func inheritReporter() *reporter {
	fd, err := strconv.Atoi(os.Getenv(reportVariable))
	if err != nil {
		return nil
	}
	_ = os.Unsetenv(reportVariable)
	syscall.CloseOnExec(fd)
	return &reporter{w: os.NewFile(uintptr(fd), "report")}
}

// send ignores errors: a client that is gone needs no report.
func (r *reporter) send(rep report) {
	if r == nil {
		return
	}
	raw, err := json.Marshal(rep)
	if err != nil {
		return
	}
	_, _ = r.w.Write(append(raw, '\n'))
}

func (r *reporter) close() {
	if r != nil {
		_ = r.w.Close()
	}
}

// readReports gives every report until the writer is gone.
func readReports(r io.Reader, each func(report)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var rep report
		if json.Unmarshal(lines.Bytes(), &rep) == nil {
			each(rep)
		}
	}
}
