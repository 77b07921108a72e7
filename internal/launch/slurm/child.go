package slurm

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/launch/record"
)

// attemptEnv names the variable with the attempt's folder, which the job's script gives to the program.
const attemptEnv = "R1CTL_SLURM_ATTEMPT"

// Exit codes of a process that did not run its program.
const (
	exitCannotBegin = 70
	exitAgain       = 75                         // the job was started a second time
	exitStopped     = 128 + int(syscall.SIGTERM) // also that of a program which ends because of SIGTERM
)

// fencePause is how often a process looks whether its attempt was found ended.
const fencePause = 5 * time.Second

// Launched says whether this process was started by the Slurm launcher.
func Launched() bool { return os.Getenv(attemptEnv) != "" }

// Main runs program as the process of an attempt, if this job may, and returns the
// code to exit with.
func Main(program func() int) int {
	dir, id := os.Getenv(attemptEnv), os.Getenv("SLURM_JOB_ID")
	if id == "" {
		fmt.Fprintln(os.Stderr, "cannot begin the attempt: this is no job of Slurm (SLURM_JOB_ID is not set)")
		return exitCannotBegin
	}
	fault.Point(fault.ChildBorn, dir)
	before, err := holder(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot begin the attempt:", err)
		return exitCannotBegin
	}
	if before == id {
		fmt.Fprintln(os.Stderr, "this job was started before; another attempt follows it")
		return exitAgain
	}
	who, err := claim(dir, id)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "cannot begin the attempt:", err)
		return exitCannotBegin
	case who == nobody:
		fmt.Fprintln(os.Stderr, "the attempt is over before this job began")
		return 0
	case who != id:
		fmt.Fprintln(os.Stderr, "duplicate of job", who)
		return 0
	}
	discard(dir) // it is used once
	return begun(dir, id, program)
}

// begun runs the program of the job that has the claim.
func begun(dir, id string, program func() int) int {
	started := time.Now().UTC()
	host, _ := os.Hostname()
	if node := os.Getenv("SLURMD_NODENAME"); node != "" {
		host = node
	}
	if err := record.Write(dir, startFile, startRecord{Job: id, Host: host, PID: os.Getpid(), Started: started}); err != nil {
		fmt.Fprintln(os.Stderr, "cannot begin the attempt:", err)
		return exitCannotBegin
	}
	fault.Point(fault.ChildRecorded, dir)
	// What the program starts can be found by this mark, and the walltime counts from now.
	for name, value := range map[string]string{childenv.AttemptDir: dir, childenv.Allocated: started.Format(time.RFC3339Nano)} {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintln(os.Stderr, "cannot begin the attempt:", err)
			return exitCannotBegin
		}
	}
	code := exitStopped
	// Stop writes its record before it signals: a signal that came too soon is not lost.
	if stop, err := read[record.Stop](dir, record.StopFile); stop == nil || err != nil {
		go fence(dir)
		code = program()
	}
	fault.Point(fault.ChildEnding, dir)
	if err := procstat.KillMarked(childenv.AttemptDir, dir); err != nil {
		fmt.Fprintln(os.Stderr, "at the end of the attempt:", err)
	}
	if err := record.Write(dir, exitFile, exitRecord{Job: id, Code: code, Ended: time.Now().UTC()}); err != nil {
		fmt.Fprintln(os.Stderr, "cannot record the end of the attempt:", err)
	}
	return code
}

// fence ends this process when its attempt was found ended: its node was declared lost,
// say, while it went on. The trainer dies with it.
func fence(dir string) {
	for range time.Tick(fencePause) {
		if end, err := read[endRecord](dir, endFile); end != nil && err == nil {
			fmt.Fprintf(os.Stderr, "the attempt was found ended (%s) while this process went on; it ends now\n", end.Reason)
			_ = procstat.KillMarked(childenv.AttemptDir, dir)
			os.Exit(exitStopped)
		}
	}
}
