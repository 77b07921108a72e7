package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Exec runs a command of Slurm. An error means that it could not be run, or gave no
// answer in time, which leaves open what it did.
type Exec func(ctx context.Context, stdin string, argv ...string) (Answer, error)

// Answer is what a command said.
type Answer struct {
	Stdout, Stderr string
	Code           int
}

// said is its complaint in one line.
func (a Answer) said() string {
	text := strings.TrimSpace(a.Stderr)
	if text == "" {
		text = strings.TrimSpace(a.Stdout)
	}
	lines := strings.Split(text, "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// bounded makes sure that an sbatch whose caller is gone, or gave up, is gone too before its
// answer is waited for no more: it may not make a job long after.
func bounded(argv []string) []string {
	if argv[0] != "sbatch" {
		return argv
	}
	return append([]string{"timeout", "--signal=KILL", fmt.Sprint(int((commandWait - 5*time.Second).Seconds()))}, argv...)
}

// Here runs commands on this machine. conf, when set, is the slurm.conf they use.
func Here(conf string) Exec {
	return func(ctx context.Context, stdin string, argv ...string) (Answer, error) {
		env := plainEnv(os.Environ())
		if conf != "" {
			env = append(env, "SLURM_CONF="+conf)
		}
		return run(ctx, env, stdin, bounded(argv))
	}
}

// SSH runs commands on another machine, a login node: without a terminal, and without
// asking for a password. host is as in the user's own configuration of ssh.
func SSH(host, conf string) Exec {
	return func(ctx context.Context, stdin string, argv ...string) (Answer, error) {
		remote := []string{"env"}
		for _, name := range hiding { // a login node's start-up files may set it
			remote = append(remote, "-u", name)
		}
		remote = append(remote, "TZ=UTC", "LC_ALL=C", "SLURM_TIME_FORMAT=standard")
		if conf != "" {
			remote = append(remote, "SLURM_CONF="+conf)
		}
		remote = append(remote, bounded(argv)...)
		for i, word := range remote {
			remote[i] = quote(word)
		}
		a, err := run(ctx, os.Environ(), stdin, []string{"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "--", host, strings.Join(remote, " ")})
		if err == nil && a.Code == sshFailed {
			return a, fmt.Errorf("ssh %s: %s", host, a.said())
		}
		return a, err
	}
}

// hiding are variables that make squeue show some of a user's jobs only, or those of another cluster.
var hiding = []string{
	"SLURM_CLUSTERS", "SQUEUE_ACCOUNT", "SQUEUE_ALL", "SQUEUE_FEDERATION", "SQUEUE_FORMAT", "SQUEUE_FORMAT2", "SQUEUE_LICENSES", "SQUEUE_LOCAL", "SQUEUE_NAMES",
	"SQUEUE_PARTITION", "SQUEUE_QOS", "SQUEUE_STATES", "SQUEUE_USERS",
}

// sshFailed is ssh's own exit code; no command of Slurm ends with it.
const sshFailed = 255

// plainEnv leaves out what changes the options and the output of Slurm's commands.
func plainEnv(environ []string) []string {
	env := []string{"TZ=UTC", "LC_ALL=C", "SLURM_TIME_FORMAT=standard"}
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		command, _, _ := strings.Cut(name, "_")
		switch {
		case name == "SLURM_CONF":
		case name == "TZ", name == "LC_ALL", command == "SLURM", command == "SBATCH", command == "SQUEUE", command == "SCANCEL", command == "SINFO", command == "SACCT":
			continue
		}
		env = append(env, kv)
	}
	return env
}

func run(ctx context.Context, env []string, stdin string, argv []string) (Answer, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // which timeout passes on
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	a := Answer{Stdout: out.String(), Stderr: errs.String(), Code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return a, fmt.Errorf("%s gave no answer: %w", argv[0], ctx.Err())
	case errors.As(err, &exit) && a.Code >= 0:
		return a, nil
	case err != nil:
		return a, fmt.Errorf("run %s: %w", argv[0], err)
	}
	return a, nil
}

// quote makes a word of a shell of any text.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
