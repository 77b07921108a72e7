package workflows

import (
	"fmt"
	"strings"
)

// Links say where pages about a run are served; without them the details of a
// workflow have no links.
type Links struct {
	Report string `json:"report,omitempty"` // base address of the report server
}

// Run is the live report of a run; empty when there is none.
func (l Links) Run(run string) string {
	if l.Report == "" {
		return ""
	}
	return strings.TrimRight(l.Report, "/") + "/runs/" + run
}

// Log is the log of an attempt; empty when there is none.
func (l Links) Log(run, stage, job string, attempt int) string {
	if l.Report == "" || attempt == 0 {
		return ""
	}
	return fmt.Sprintf("%s/logs/%s/%s/%d", l.Run(run), stage, job, attempt)
}
