package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
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

// Here runs commands on this machine. conf, when set, is the slurm.conf they use.
func Here(conf string) Exec {
	return func(ctx context.Context, stdin string, argv ...string) (Answer, error) {
		env := plainEnv(os.Environ())
		if conf != "" {
			env = append(env, "SLURM_CONF="+conf)
		}
		return run(ctx, env, stdin, argv)
	}
}

// SSH runs commands on another machine, a login node: without a terminal, and without
// asking for a password. host is as in the user's own configuration of ssh.
func SSH(host, conf string) Exec {
	return func(ctx context.Context, stdin string, argv ...string) (Answer, error) {
		remote := []string{"env", "TZ=UTC", "LC_ALL=C", "SLURM_TIME_FORMAT=standard"}
		if conf != "" {
			remote = append(remote, "SLURM_CONF="+conf)
		}
		remote = append(remote, argv...)
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
