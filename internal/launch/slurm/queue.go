package slurm

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// commandWait bounds a command: a controller that is away is told of after some 9 s.
const commandWait = 30 * time.Second

// job is a line of squeue.
type job struct {
	id     string
	name   string
	state  string
	reason string
	nodes  string
	start  time.Time
}

// queueFormat has nothing that a user can write but the name, which is ours.
const queueFormat = "%A|%j|%T|%r|%N|%S"

// queue lists this user's jobs, also those that have ended and are remembered, by name.
func queue(ctx context.Context, x Exec) (map[string][]job, error) {
	a, err := ask(ctx, x, "squeue", "--me", "--noheader", "--states=all", "--format="+queueFormat)
	if err != nil {
		return nil, err
	}
	return parseQueue(a.Stdout)
}

// ask runs a command that only looks, and takes any exit code but 0 for no answer.
func ask(ctx context.Context, x Exec, argv ...string) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, commandWait)
	defer cancel()
	a, err := x(ctx, "", argv...)
	if err == nil && a.Code != 0 {
		err = fmt.Errorf("%s: %s", argv[0], a.said())
	}
	return a, err
}

func parseQueue(text string) (map[string][]job, error) {
	jobs := map[string][]job{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) < 6 {
			return nil, fmt.Errorf("squeue: %q has %d fields, expected 6 (%s)", line, len(f), queueFormat)
		}
		// A job that is not ours may have a name with a bar in it: the rest counts from the end.
		n := len(f)
		j := job{id: f[0], name: strings.Join(f[1:n-4], "|"), state: f[n-4], reason: f[n-3], nodes: f[n-2], start: parseTime(f[n-1])}
		jobs[j.name] = append(jobs[j.name], j)
	}
	return jobs, nil
}

// parseTime reads Slurm's time, asked for in UTC; unknown is zero.
func parseTime(text string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05", text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// ending is how the scheduler says a job ended.
type ending struct {
	state  string
	reason string
	node   string
	code   int // 128+n for signal n; -1: not told
	start  time.Time
	end    time.Time
	limit  time.Duration // time limit; 0 is none
}

var (
	field    = regexp.MustCompile(`(?:^|\s)([A-Za-z]+)=(\S*)`)
	launched = regexp.MustCompile(`^\d+$`)
)

// details asks for a job that squeue still knows. What a job is called stands
// last on a line that a user can shape, so of a field the first counts.
func details(ctx context.Context, x Exec, id string) (ending, error) {
	a, err := ask(ctx, x, "scontrol", "show", "job", id, "--oneliner")
	if err != nil {
		return ending{}, err
	}
	return parseDetails(a.Stdout), nil
}

func parseDetails(text string) ending {
	values := map[string]string{}
	for _, m := range field.FindAllStringSubmatch(text, -1) {
		if _, ok := values[m[1]]; !ok {
			values[m[1]] = m[2]
		}
	}
	return ending{
		state: values["JobState"], reason: values["Reason"], node: values["BatchHost"], code: parseCode(values["ExitCode"]),
		start: parseTime(values["StartTime"]), end: parseTime(values["EndTime"]), limit: parseLimit(values["TimeLimit"]),
	}
}

// parseLimit reads [DAYS-]HH:MM:SS; UNLIMITED and what else is no time is 0.
func parseLimit(text string) time.Duration {
	var days, h, m, s int
	clock := text
	if d, rest, ok := strings.Cut(text, "-"); ok {
		clock = rest
		if _, err := fmt.Sscanf(d, "%d", &days); err != nil {
			return 0
		}
	}
	if n, _ := fmt.Sscanf(clock, "%d:%d:%d", &h, &m, &s); n != 3 {
		return 0
	}
	return time.Duration(days*24+h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
}

// parseCode reads CODE:SIGNAL.
func parseCode(text string) int {
	rc, sig, ok := strings.Cut(text, ":")
	code, err := strconv.Atoi(rc)
	signal, serr := strconv.Atoi(sig)
	switch {
	case !ok || err != nil || serr != nil:
		return -1
	case signal == launchFailure, signal > lastSignal: // 125 says out of memory
		return -1
	case signal != 0:
		return 128 + signal
	}
	return code
}

// lastSignal is the highest number of a true signal.
const lastSignal = 64

// launchFailure is the "signal" of a job whose script could not be started: no log, no process.
const launchFailure = 53

// past looks for a job that the controller has forgotten: in the accounting database, or in
// the completion log. found is false where neither is kept, or neither has it.
func past(ctx context.Context, x Exec, id, name string) (e ending, found bool, err error) {
	if !launched.MatchString(id) {
		return ending{}, false, nil
	}
	a, err := ask(ctx, x, "sacct", "--noheader", "--parsable2", "--allocations", "--duplicates", "--jobs="+id, "--format=JobIDRaw,JobName,State,ExitCode,NodeList,Start,End,Timelimit")
	if err == nil {
		if e, found = parseAccounts(a.Stdout, id, name); found {
			return e, true, nil
		}
	} else if !keepsNone(err) {
		return ending{}, false, err
	}
	cctx, cancel := context.WithTimeout(ctx, commandWait)
	defer cancel()
	a, err = x(cctx, "", "sacct", "--completion", "--noheader", "--parsable2", "--jobs="+id)
	if err != nil && !keepsNone(err) {
		return ending{}, false, err
	}
	if err != nil || a.Code != 0 { // a log that is not there, or that is not for everybody to read
		return ending{}, false, nil
	}
	e, found = parseCompletions(a.Stdout, id, name)
	return e, found, nil
}

// keepsNone says whether sacct complained that such records are not kept, which is an answer.
func keepsNone(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	text := err.Error()
	for _, sign := range []string{
		"is disabled",               // neither kept
		"No such file or directory", // a completion log on the controller's own disk
		"executable file not found", // no sacct here
	} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// parseAccounts reads lines of id, name, state, exit code, nodes, start, end, time limit. A number is
// used again after some time, so the name has to be right too; the last line counts.
func parseAccounts(text, id, name string) (e ending, found bool) {
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), "|")
		if len(f) != 8 || f[0] != id || f[1] != name {
			continue
		}
		state, _, _ := strings.Cut(f[2], " ") // "CANCELLED by 1000"
		e, found = ending{state: state, code: parseCode(f[3]), node: f[4], start: parseTime(f[5]), end: parseTime(f[6]), limit: parseLimit(f[7])}, true
	}
	return e, found && final(e.state)
}

// parseCompletions reads sacct -c: id, user, name, partition, nodes, node list, state, end.
func parseCompletions(text, id, name string) (e ending, found bool) {
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), "|")
		if len(f) != 8 || f[0] != id || f[2] != name {
			continue
		}
		e, found = ending{state: f[6], code: -1, node: f[5], end: parseTime(f[7])}, true
	}
	return e, found && final(e.state)
}
