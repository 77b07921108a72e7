package agent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// reason is why the agent ended the trainer.
type reason int

const (
	itself   reason = iota // the agent did not
	stopping               // SIGTERM from outside
	walltime
	noVerifier
	badBeginning
	hungAtExit
	stalled
)

func (r reason) String() string {
	return [...]string{"it ended by itself", "stopped from outside", "walltime", "the verifier died", "it began in the wrong place", "it does not end", "it stalls"}[r]
}

// ending is all that is known about how the trainer ended.
type ending struct {
	why      reason
	code     int  // 128+n for signal n
	oomKills int  // that the kernel counted meanwhile
	diskFull bool // where the trainer works, when it had ended
	missing  []string
	reported *r1.TrainerError // error.json
	metrics  snapshot
	cause    string    // of the log: see rootCause
	fetched  time.Time // when the inputs were there
	usage    *r1.Usage
}

// judgement is an ending as the controller wants to know it.
type judgement struct {
	outcome r1.Outcome
	class   r1.Class
	err     *r1.Error // nil on success
}

func failed(class r1.Class, err *r1.Error) judgement { return judgement{r1.Failed, class, err} }

// judge classifies an ending.
func judge(spec *r1.Spec, e ending) judgement {
	if err := e.metrics.beginning(spec); err != nil {
		return failed(r1.ClassProgram, err)
	}
	if e.code == 0 && len(e.missing) == 0 {
		if err := r1.ProveProgress(spec, e.metrics.began(), e.metrics.Step, e.metrics.Total); err != nil {
			return failed(r1.ClassProgram, err)
		}
		return judgement{outcome: r1.Succeeded}
	}
	switch e.why {
	case stopping:
		return preempted("stopped from outside; the trainer ended with " + exitText(e.code))
	case walltime:
		return judgement{r1.TimedOut, r1.ClassPreempted, &r1.Error{Name: "walltime", Detail: "its walltime was over; the trainer ended with " + exitText(e.code),
			Remedy: "nothing to do: the next attempt goes on from the newest checkpoint"}}
	case noVerifier:
		return failed(r1.ClassInfrastructure, &r1.Error{Name: "verifier-died", Detail: "the verifier died while the trainer needed it",
			Remedy: "see the end of the attempt's log (r1ctl logs)"})
	case hungAtExit:
		return failed(r1.ClassInfrastructure, &r1.Error{Name: "trainer-hung", Detail: "the trainer wrote its summary and did not end; it was ended with " + exitText(e.code),
			Remedy: "see the attempt's log for threads or processes that the trainer leaves behind; its outputs are not trusted"})
	case stalled:
		return failed(r1.ClassInfrastructure, &r1.Error{Name: "trainer-stalled", Detail: fmt.Sprintf("the trainer wrote no metrics for too long after step %d; it was ended with %s", e.metrics.Step, exitText(e.code)),
			Remedy: "see the end of the attempt's log: a device or a collective operation may hang"})
	}
	if e.code == 0 {
		return failed(r1.ClassProgram, &r1.Error{Name: "output-missing", Detail: "exit 0 without declared output " + quoted(e.missing),
			Remedy: "mend the trainer: it fills every folder of outputs in job.json before it ends"})
	}
	if e.reported != nil {
		return judgeReported(e.reported)
	}
	switch {
	case e.code == 137 && e.oomKills > 0:
		return outOfMemory("the kernel killed the trainer for lack of memory")
	case e.code == 137:
		return failed(r1.ClassInfrastructure, &r1.Error{Name: "trainer-killed", Detail: "somebody killed the trainer (SIGKILL)",
			Remedy: "nothing to do, unless it happens again: then look for who kills processes on this machine"})
	case e.code == 143:
		return preempted("the trainer was asked to stop, not by the agent, or met its deadline")
	}
	cause := e.cause
	if cause == "" && e.diskFull { // nor could it have told
		cause = "No space left on device, also for its log"
	}
	if cause == "" {
		cause = "no word in its log"
	}
	return judgeText(r1.ClassProgram, exitText(e.code)+": "+cause)
}

func preempted(detail string) judgement {
	return judgement{r1.Preempted, r1.ClassPreempted, &r1.Error{Name: "preempted", Detail: detail,
		Remedy: "nothing to do: the next attempt goes on from the newest checkpoint"}}
}

func outOfMemory(detail string) judgement {
	return judgement{r1.OutOfMemory, r1.ClassOOM, &r1.Error{Name: "out-of-memory", Detail: oneLine(detail),
		Remedy: "give the stage less to hold at a time (batch_size, group_size, rollout_outputs, max_tokens) or a machine with more memory"}}
}

// judgeReported believes the trainer about its own failure.
func judgeReported(e *r1.TrainerError) judgement {
	text := e.Message
	if e.Type != "" {
		text = e.Type + ": " + e.Message
	}
	class := r1.Class(e.Class)
	if e.Remedy != "" && class == r1.ClassOOM {
		j := outOfMemory(e.Message)
		j.err.Remedy = oneLine(e.Remedy)
		return j
	}
	if e.Remedy != "" && slices.Contains([]r1.Class{r1.ClassConfig, r1.ClassInfrastructure, r1.ClassProgram}, class) { // it knows its errors by name
		return failed(class, &r1.Error{Name: e.Type, Detail: oneLine(e.Message), Remedy: oneLine(e.Remedy)})
	}
	switch class {
	case r1.ClassOOM:
		return outOfMemory(text)
	case r1.ClassDiverged:
		return failed(class, diverged(e.Type, oneLine(e.Message), oneLine(text)))
	case r1.ClassConfig, r1.ClassInfrastructure:
		return judgeText(class, text)
	default:
		return judgeText(r1.ClassProgram, text)
	}
}

// signs are texts by which an error shows its class whatever program it comes from.
var signs = []struct {
	text  string
	class r1.Class
}{
	{"CUDA out of memory", r1.ClassOOM},
	{"OutOfMemoryError", r1.ClassOOM},
	{"DefaultCPUAllocator: can't allocate memory", r1.ClassOOM},
	{"No available memory for the cache blocks", r1.ClassOOM}, // of vLLM, as are the next two
	{"larger than the available KV cache memory", r1.ClassOOM},
	{"less than desired GPU memory utilization", r1.ClassOOM},
	{"No space left on device", r1.ClassCapacity},
	{"Disk quota exceeded", r1.ClassCapacity},
	{"NCCL", r1.ClassInfrastructure},
	{"Watchdog caught collective operation timeout", r1.ClassInfrastructure},
	{"uncorrectable ECC error", r1.ClassInfrastructure},
	{"CUDA error: device-side assert", r1.ClassProgram},
	{"CUDA error", r1.ClassInfrastructure},
}

// judgeText classifies a root cause that has no class of its own.
func judgeText(class r1.Class, text string) judgement {
	if class == r1.ClassProgram {
		for _, sign := range signs {
			if strings.Contains(text, sign.text) {
				class = sign.class
				break
			}
		}
	}
	switch class {
	case r1.ClassOOM:
		return outOfMemory(text)
	case r1.ClassCapacity:
		return failed(r1.ClassInfrastructure, &r1.Error{Name: "trainer-disk-full", Detail: oneLine(text),
			Remedy: "free space where attempts run (df -h), or keep fewer checkpoints"})
	}
	return failed(class, &r1.Error{Name: "trainer-failed", Detail: oneLine(text), Remedy: "see the attempt's log: r1ctl logs RUN STAGE"})
}

// lineRunes is how long a root cause may be.
const lineRunes = 500

// oneLine makes a text fit a line: without line breaks, and not too long.
func oneLine(text string) string {
	return cut(strings.Join(strings.Fields(text), " "), lineRunes)
}

// named gives an error of the agent's own work its stable name and remedy.
func named(err error, unnamed *r1.Error) *r1.Error {
	if known, ok := r1.AsError(err); ok {
		return &r1.Error{Name: known.Name, Detail: oneLine(err.Error()), Remedy: known.Remedy}
	}
	unnamed.Err = err
	unnamed.Detail = oneLine(unnamed.Error())
	return unnamed
}

func exitText(code int) string {
	if code > 128 {
		return fmt.Sprintf("signal %d", code-128)
	}
	return fmt.Sprintf("exit code %d", code)
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(q, ", ")
}
