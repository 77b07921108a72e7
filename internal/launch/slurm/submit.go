package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// Submit implements r1.Launcher. It returns when Slurm has the job.
func (l *Launcher) Submit(ctx context.Context, a r1.Launch) (r1.Handle, error) {
	dir, err := record.Dir(l.cfg.Root, a.Key)
	if err != nil {
		return r1.Handle{}, err
	}
	if a.Resources.Nodes > 1 {
		return r1.Handle{}, &r1.Error{Name: "slurm-nodes", Detail: fmt.Sprintf("%s asks for %d nodes; jobs on several nodes are not there yet", a.Key, a.Resources.Nodes), Remedy: "run it on one machine: jobs on several nodes are not there yet"}
	}
	if err := errors.Join(l.present(), ctx.Err()); err != nil {
		return r1.Handle{}, fmt.Errorf("submit %s: %w", a.Key, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r1.Handle{}, fmt.Errorf("make folder of %s: %w", a.Key, err)
	}
	if err := l.ensure(ctx, dir, a); err != nil {
		return r1.Handle{}, fmt.Errorf("submit %s: %w", a.Key, err)
	}
	return l.handle(a.Key, dir)
}

// ensure makes a job of the attempt unless there is or was one.
func (l *Launcher) ensure(ctx context.Context, dir string, a r1.Launch) error {
	turn, err := lock(ctx, filepath.Join(dir, submitLock))
	if err != nil {
		return err
	}
	defer turn.Close()
	for {
		err := l.known(ctx, a.Key, dir)
		if errors.Is(err, r1.ErrNotFound) {
			break
		}
		if !errors.Is(err, errUnanswered) {
			return err
		}
		select { // its job shows itself, or its time passes
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(time.Second):
		}
	}
	script, err := l.prepare(dir, a)
	if err != nil {
		return err
	}
	if err := record.Write(dir, intentFile, intentRecord{Begun: time.Now().UTC()}); err != nil {
		return err
	}
	fault.Point(fault.LauncherLocked, a.Key.String())
	// Once begun it is not given up with ctx, as nobody would hear its answer.
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandWait)
	defer cancel()
	answer, err := l.cfg.Exec(sctx, script, append([]string{"sbatch"}, l.arguments(dir, a)...)...)
	fault.Point(fault.LauncherForked, a.Key.String())
	if err != nil {
		return fmt.Errorf("%w; whether there is a job now is not known", err)
	}
	j, err := submitted(answer)
	var refused *r1.Error
	switch {
	case err == nil:
		j.Notice = noticeOf(a)
		err = record.Write(dir, jobFile, j)
	case !errors.As(err, &refused):
		return err // the intent stays
	default:
		discard(dir)
	}
	if rerr := os.Remove(filepath.Join(dir, intentFile)); err == nil {
		err = rerr
	}
	return err
}

// discard removes the environment of an attempt that needs none any more: it may hold a key.
func discard(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, wholefile.Aside+envFile+"-*")) // of a writer that was killed
	for _, file := range append(left, filepath.Join(dir, envFile)) {
		_ = os.Remove(file)
	}
}

// prepare writes what the job finds in its environment, and gives its script. The script lies
// in the scheduler's own folder, so it holds nothing but paths.
func (l *Launcher) prepare(dir string, a r1.Launch) (script string, err error) {
	env := record.Environ(l.cfg.Env, a, l.cfg.CredentialsFile)
	var text strings.Builder
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		fmt.Fprintf(&text, "export %s=%s\n", name, quote(value))
	}
	if err := wholefile.Replace(filepath.Join(dir, envFile), []byte(text.String()), 0o600); err != nil {
		return "", err
	}
	argv := record.Argv(l.cfg.Command, a)
	for i, word := range argv {
		argv[i] = quote(word)
	}
	return fmt.Sprintf("#!/bin/sh\nexport %s=%s\ncd \"$%s\" || exit %d\n[ ! -r %s ] || . ./%s\nexec %s\n",
		attemptEnv, quote(dir), attemptEnv, exitCannotBegin, envFile, envFile, strings.Join(argv, " ")), nil
}

// arguments are those of sbatch. The site's own come first: they cannot undo what
// exactly-once rests on.
func (l *Launcher) arguments(dir string, a r1.Launch) []string {
	q := l.cfg.Queue
	args := append([]string(nil), q.Args...)
	add := func(option, value string) {
		if value != "" {
			args = append(args, "--"+option+"="+value)
		}
	}
	add("partition", q.Partition)
	add("account", q.Account)
	add("qos", q.QOS)
	add("constraint", q.Constraint)
	if n := a.Resources.CPUs; n > 0 {
		add("cpus-per-task", fmt.Sprint(n))
	}
	if n := a.Resources.Memory; n > 0 {
		add("mem", fmt.Sprintf("%dM", n))
	}
	if n := a.Resources.GPUs; n > 0 {
		gres := q.GRES
		if gres == "" {
			gres = "gpu"
		}
		add("gres", fmt.Sprintf("%s:%d", gres, n))
	}
	if a.Walltime > 0 {
		add("time", fmt.Sprint(int(timeLimit(a.Walltime).Minutes())))
	}
	// Slurm may be a minute late with it.
	add("signal", fmt.Sprintf("B:TERM@%d", int(noticeOf(a).Seconds())))
	return append(args, "--nodes=1", "--ntasks=1", "--parsable", "--no-requeue", "--job-name="+l.name(a.Key), "--comment="+a.Key.String(),
		"--chdir="+dir, "--output="+filepath.Join(dir, "slurm-%j.log"), "--open-mode=append", "--export=NIL")
}

// timeLimit is the walltime as Slurm keeps it: whole minutes.
func timeLimit(walltime time.Duration) time.Duration {
	return (walltime + time.Minute - 1) / time.Minute * time.Minute
}

// noticeOf is how long before the walltime is over SIGTERM is asked for: Slurm
// looks every half minute, so what the attempt needs is not enough.
func noticeOf(a r1.Launch) time.Duration {
	notice := max(a.Notice+time.Minute, 2*time.Minute)
	if a.Walltime > 0 { // else it would end before it has done anything, each time
		notice = min(notice, a.Walltime/2)
	}
	return notice
}

// submitted reads sbatch's answer. An r1.Error is a refusal, which is definite; any
// other error leaves open whether there is a job.
func submitted(a Answer) (jobRecord, error) {
	if a.Code == 0 {
		id, cluster, _ := strings.Cut(strings.TrimSpace(a.Stdout), ";")
		if launched.MatchString(id) {
			return jobRecord{ID: id, Cluster: cluster}, nil
		}
		return jobRecord{}, fmt.Errorf("sbatch said %q, which is no number of a job", strings.TrimSpace(a.Stdout))
	}
	text := a.Stderr
	for _, sign := range unanswered {
		if strings.Contains(text, sign) {
			return jobRecord{}, fmt.Errorf("sbatch: %s", a.said())
		}
	}
	for _, r := range refusalsOfSbatch {
		if strings.Contains(text, r.sign) {
			return jobRecord{}, &r1.Error{Name: "slurm-refused", Detail: "Slurm refuses the job: " + strings.TrimPrefix(a.said(), "sbatch: error: "), Remedy: r.remedy}
		}
	}
	return jobRecord{}, fmt.Errorf("sbatch: %s", a.said())
}

// unanswered are signs that the controller may or may not have the job, or would take it later.
var unanswered = []string{"Unable to contact", "timed out", "Socket", "temporarily", "standby", "Connection", "Zero Bytes", "Transport", "communication", "submit limit", "Authentication", "authentication"}

// refusalsOfSbatch are signs of a definite refusal, with remedies; the first that fits counts. A
// limit of how many jobs may be submitted is none: it passes.
var refusalsOfSbatch = []struct{ sign, remedy string }{
	{"invalid partition", "correct partition of the site: sinfo lists those there are"},
	{"Invalid partition", "correct partition of the site: sinfo lists those there are"},
	{"not available", "ask for less, or for another partition: sinfo -o '%P %c %m %G' shows what nodes have"},
	{"Invalid generic resource", "correct gres of the site: sinfo -o '%P %G' shows what nodes have"},
	{"Invalid account", "correct account and partition of the site: sacctmgr show associations user=$USER lists yours"},
	{"Invalid qos", "correct qos of the site: sacctmgr show qos lists those there are"},
	{"Invalid feature", "correct constraint of the site: sinfo -o '%P %f' shows what nodes have"},
	{"reservation is invalid", "correct the reservation in args of the site: scontrol show reservations lists those there are"},
	{"Requested time limit is invalid", "let the site's walltime be below the partition's limit: sinfo -o '%P %l'"},
	{"Memory specification", "ask for less memory: sinfo -o '%P %m' shows what nodes have"},
	{"unrecognized option", "correct args of the site: sbatch --help lists the options"},
	{"Access denied", "ask those who run the cluster for the right to use that partition or account"},
	{"access denied", "ask those who run the cluster for the right to use that partition or account"},
	{"permission", "ask those who run the cluster for the right to use that partition or account"},
	{"More processors requested", "ask for fewer CPUs: sinfo -o '%P %c' shows what nodes have"},
	{"CPU count per node can not be sa", "ask for fewer CPUs: sinfo -o '%P %c' shows what nodes have"},
	{"Invalid", "correct the site's settings for Slurm (docs/slurm.md)"},
	{"is invalid", "correct the site's settings for Slurm (docs/slurm.md)"},
}
