package slurm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// phase is where a job is in its life, by Slurm's word for its state. A job that
// is COMPLETING is not over: something of it may live.
func phase(state string) r1.State {
	switch state {
	case "PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD":
		return r1.StatePending
	case "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT":
		return r1.StateRunning
	}
	if final(state) {
		return r1.StateEnded
	}
	return r1.StateUnknown
}

var finals = []string{"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"}

func final(state string) bool { return slices.Contains(finals, state) }

// forgotten is our word for the state of a job that Slurm knows no more, and of which there is
// no record. A controller that lost its newest jobs in a crash ends them on their nodes, too.
const forgotten = "FORGOTTEN"

// refusals are reasons of a job that could never have run.
var refusals = []string{"BadConstraints", "AccountNotAllowed", "QOSNotAllowed", "InvalidAccount", "InvalidQOS"}

// stuck are beginnings of reasons why a pending job does not start by itself.
var stuck = map[string]string{
	"JobHeld":                   "it is held: scontrol release lets it go on",
	"DependencyNeverSatisfied":  "it depends on a job that failed",
	"PartitionDown":             "its partition is down",
	"PartitionInactive":         "its partition is inactive",
	"PartitionNodeLimit":        "the partition has fewer nodes than it asks for",
	"PartitionTimeLimit":        "the partition's time limit is shorter than its walltime",
	"ReqNodeNotAvail":           "nodes that it needs are down or reserved",
	"Nodes_required_for_job_ar": "nodes that it needs are down, drained or reserved",
	"AssocGrp":                  "a limit of the account is used up",
	"AssocMax":                  "a limit of the account is used up",
	"QOSGrp":                    "a limit of the quality of service is used up",
	"QOSMax":                    "a limit of the quality of service is used up",
}

// waiting says why a job is pending, for people.
func waiting(reason string) string {
	plain := strings.ReplaceAll(reason, " ", "_")
	for begin, why := range stuck {
		if strings.HasPrefix(plain, begin) {
			return reason + ": " + why
		}
	}
	return reason
}

// testimony is all that is known of a job that has ended.
type testimony struct {
	ending
	id      string
	began   bool        // the attempt's process began: it has the claim
	stopped bool        // r1ctl asked it to stop
	exit    *exitRecord // the process's own last word; nil without
	notice  time.Duration
}

// judge says how an attempt ended.
func judge(t testimony) (o r1.Outcome, code int, reason string) {
	code = t.code
	if t.exit != nil {
		code = t.exit.Code
	}
	slurm := strings.TrimSpace(fmt.Sprintf("Slurm job %s: %s %s", t.id, t.state, t.reasonWord()))
	switch {
	case t.exit != nil && t.exit.Code == 0:
		return r1.Succeeded, 0, "" // whatever came over it while it was going
	case t.state == "COMPLETED" && t.began:
		return r1.Succeeded, 0, ""
	case t.state == "NODE_FAIL", t.state == "BOOT_FAIL", t.state == "REVOKED", t.state == forgotten && (t.began || !t.stopped):
		if t.exit == nil {
			code = -1 // Slurm says 0 of what it did not see
		}
		return r1.NodeLost, code, "infrastructure: " + slurm
	case t.stopped:
		return r1.Stopped, code, "stopped on request; " + slurm
	case t.state == "PREEMPTED":
		return r1.Preempted, code, slurm
	case t.state == "TIMEOUT", t.state == "DEADLINE":
		return r1.TimedOut, code, slurm
	case t.state == "OUT_OF_MEMORY":
		return r1.OutOfMemory, code, slurm
	case t.state == "CANCELLED":
		return r1.Preempted, code, slurm + " (cancelled by somebody else than r1ctl)"
	case !t.began:
		return neverBegan(t, code, slurm)
	case code == exitStopped && t.nearLimit():
		return r1.TimedOut, code, "it ended when Slurm said that its walltime would soon be over; " + slurm
	case code == exitStopped:
		return r1.Preempted, code, "ended by a SIGTERM that r1ctl did not send; " + slurm
	case code == exitAgain:
		return r1.Preempted, code, "Slurm started the job a second time, which r1ctl does not let it; " + slurm
	case t.exit == nil && (code > 128 || code < 0):
		return r1.Failed, code, "infrastructure: the process died without a word; " + slurm
	}
	return r1.Failed, code, fmt.Sprintf("exit code %d; %s", code, slurm)
}

// neverBegan judges a job whose process did not get as far as to claim the attempt. What
// was refused would be so again; what was killed, or could not be started on its node, would not.
func neverBegan(t testimony, code int, slurm string) (r1.Outcome, int, string) {
	switch {
	case slices.Contains(refusals, t.reason):
		return r1.Rejected, code, "refused; " + slurm
	case t.reason == "JobLaunchFailure" || code < 0 || code > 128 || code == exitCannotBegin || t.state == "COMPLETED":
		return r1.Failed, code, "infrastructure: the job's script could not be started on " + orUnknown(t.node) + " (is the scratch folder mounted there?); " + slurm
	}
	return r1.Rejected, code, fmt.Sprintf("the process ended before it began, with exit code %d; %s", code, slurm)
}

// earliness is how much sooner than asked for Slurm may send a signal before the time limit.
const earliness = 75 * time.Second

// nearLimit says whether the job ran until Slurm may have said that its walltime would soon be over.
func (t testimony) nearLimit() bool {
	return t.limit > 0 && !t.start.IsZero() && t.end.Sub(t.start) >= t.limit-t.notice-earliness
}

func (t testimony) reasonWord() string {
	if t.reason == "None" || t.reason == t.state {
		return ""
	}
	return t.reason
}

func orUnknown(node string) string {
	if node == "" {
		return "its node"
	}
	return node
}
