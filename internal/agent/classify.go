package agent

import (
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// reason is why the agent ended the trainer.
type reason int

const (
	itself   reason = iota // the agent did not
	stopping               // SIGTERM from outside
	walltime
	noVerifier
	badResume
)

// ending is all that is known about how the trainer ended.
type ending struct {
	why      reason
	code     int // 128+n for signal n
	oomKills int // that the kernel counted meanwhile
	missing  []string
	reported *r1.TrainerError // error.json
	metrics  snapshot
	logTail  string
}

// judgement is an ending as the controller wants to know it.
type judgement struct {
	outcome r1.Outcome
	class   r1.Class
	name    string
	text    string
}

func failed(class r1.Class, name, format string, args ...any) judgement {
	return judgement{r1.Failed, class, name, fmt.Sprintf(format, args...)}
}

// judge classifies an ending.
func judge(spec *r1.Spec, e ending) judgement {
	if problem := e.metrics.resumeProblem(spec.Resume); problem != "" {
		return failed(r1.ClassProgram, "resume-did-not-advance", "%s", problem)
	}
	if e.code == 0 && len(e.missing) == 0 {
		return judgeSuccess(spec, e)
	}
	switch e.why {
	case stopping:
		return judgement{r1.Preempted, r1.ClassPreempted, "preempted", "stopped from outside; the trainer ended with " + exitText(e.code)}
	case walltime:
		return judgement{r1.TimedOut, r1.ClassPreempted, "walltime", "its walltime was over; the trainer ended with " + exitText(e.code)}
	case noVerifier:
		return failed(r1.ClassInfrastructure, "verifier-died", "the verifier died while the trainer needed it")
	}
	switch {
	case e.code == 0:
		return failed(r1.ClassProgram, "output-missing", "exit 0 without declared output %s", quoted(e.missing))
	case e.reported != nil:
		return judgeReported(e.reported)
	case e.code == 137 && e.oomKills > 0:
		return judgement{r1.OutOfMemory, r1.ClassOOM, "out-of-memory", "the kernel killed the trainer for lack of memory"}
	case e.code == 137:
		return failed(r1.ClassInfrastructure, "trainer-killed", "somebody killed the trainer (SIGKILL)")
	case e.code == 143:
		return judgement{r1.Preempted, r1.ClassPreempted, "preempted", "the trainer was asked to stop, not by the agent, or met its deadline"}
	}
	if cause := rootCause(e.logTail); cause != "" {
		return failed(r1.ClassProgram, "trainer-failed", "%s: %s", exitText(e.code), cause)
	}
	return failed(r1.ClassProgram, "trainer-failed", "%s, and no word in its log", exitText(e.code))
}

// judgeSuccess doubts an exit 0 that has all outputs: did it do any work?
func judgeSuccess(spec *r1.Spec, e ending) judgement {
	m := e.metrics
	if spec.Resume != nil {
		from := spec.Resume.Step
		total := max(spec.ToStep, m.Total)
		switch {
		case m.First == nil:
			return failed(r1.ClassProgram, "resume-did-not-advance", "asked to resume from step %d, the trainer never said what it restored", from)
		case m.Step <= from && from < total:
			return failed(r1.ClassProgram, "resume-did-not-advance", "exit 0, but nothing was done after the restored step %d of %d", from, total)
		}
	} else if spec.ToStep > spec.FromStep && m.Step <= spec.FromStep {
		return failed(r1.ClassProgram, "trained-nothing", "exit 0, but no step from %d to %d was reported", spec.FromStep, spec.ToStep)
	}
	return judgement{outcome: r1.Succeeded}
}

// judgeReported believes the trainer about its own failure.
func judgeReported(e *r1.TrainerError) judgement {
	text := e.Message
	if e.Type != "" {
		text = e.Type + ": " + e.Message
	}
	switch class := r1.Class(e.Class); class {
	case r1.ClassOOM:
		return judgement{r1.OutOfMemory, class, "out-of-memory", text}
	case r1.ClassDiverged:
		return failed(class, "diverged", "%s", text)
	case r1.ClassConfig, r1.ClassInfrastructure:
		return failed(class, "trainer-failed", "%s", text)
	default:
		return failed(r1.ClassProgram, "trainer-failed", "%s", text)
	}
}

// errorName is the stable name of an error, or one for those that have none.
func errorName(err error, unnamed string) string {
	if named, ok := r1.AsError(err); ok {
		return named.Name
	}
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

// rootCause finds what to quote of a log: the first exception of its first Python
// traceback, because later ones follow from it; else its last line.
func rootCause(log string) string {
	inTrace := false
	last := ""
	for line := range strings.SplitSeq(log, "\n") {
		line = strings.TrimRight(line, "\r ")
		if line == "" {
			continue
		}
		if inTrace && !strings.HasPrefix(line, " ") {
			return line
		}
		if strings.HasPrefix(line, "Traceback (most recent call last)") {
			inTrace = true
		}
		last = line
	}
	return strings.TrimSpace(last)
}
