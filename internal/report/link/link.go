// Package link makes the addresses of report pages, for all who link to them.
// It has no other part of the report in it, so that deterministic code may use it.
package link

import (
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Runs is the list of runs. Base is where the pages are served, such as
// http://127.0.0.1:31000; without one the addresses are paths.
func Runs(base string) string { return strings.TrimSuffix(base, "/") + "/" }

// Run is the report of a run.
func Run(base, run string) string { return Runs(base) + "runs/" + run }

// Log is the log of an attempt.
func Log(base string, key r1.AttemptKey) string {
	return Run(base, key.Run) + "/logs/" + key.Stage + "/" + key.Job + "/" + strconv.Itoa(key.Attempt)
}
