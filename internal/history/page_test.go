package history

import (
	"fmt"
	"strings"

	historypb "go.temporal.io/api/history/v1"
)

func historyOf(x execution) *historypb.History { return &historypb.History{Events: x.events} }

// line is the row of a run in docs/history.md.
func (c counted) line() string {
	recipe, largest := c.executions[0], c.executions[1]
	var bytes int64
	stages := map[string]bool{}
	for i, x := range c.executions {
		bytes += x.bytes
		if i > 0 {
			stages[x.id] = true
		}
		if i > 0 && len(x.events) > len(largest.events) {
			largest = x
		}
	}
	_, name, _ := strings.Cut(largest.id, "/")
	per := fmt.Sprintf("%.0f a job", float64(c.events())/float64(c.jobs))
	if c.attempts > c.jobs {
		per = fmt.Sprintf("%.1f an attempt", float64(c.events())/float64(c.attempts))
	}
	return strings.Join([]string{
		thousands(c.jobs), thousands(c.attempts), thousands(len(stages)), thousands(len(c.executions) - 1),
		thousands(len(recipe.events)), fmt.Sprintf("%s (%s, %s KiB)", thousands(len(largest.events)), name, thousands(int(largest.bytes/1024))),
		thousands(c.events()), thousands(int(bytes / 1024)), per,
	}, " | ")
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

const head = `# What a run leaves in Temporal's history

Made by ` + "`make history-counts`" + `. The Temporal server and the workflows are the real ones. **Attempts are simulated**: they end at once, as their
script says, so that 30 days pass in minutes.

| run | jobs | attempts | stages | their executions | events of the run's own history | events of the largest stage history | events in all | KiB in all | events |
| --- | --: | --: | --: | --: | --: | --- | --: | --: | --- |
`

const tail = `
Jobs are those that were launched or computed. A heartbeat has %d bytes at most here, and is no event: the server keeps the newest one only.

What a job of 30 days asks for is counted with skipped time (` + "`go test ./workflows -run ThirtyDays`" + `): two activities an attempt, six besides, no timer, and
nothing for the time that passes: 8 activities with one attempt, 126 with one every 12 hours. Only an attempt after trouble with machines waits by a timer.

## Why it is bounded
A server ends a workflow whose history has 51,200 events or 50 MiB. Ours grow with jobs and attempts, never with steps, rows, heartbeats or hours.

- **A stage** goes on in a new execution when the server asks for it, at 4,096 events or 4 MiB, as soon as no attempt lives. Where jobs stand side by side
  and one always does, it goes on at twice the length: the activity of the attempt ends without stopping it, and the next execution finds it again.
  Budgets, counts, the pause and the table of jobs go along.
- **A run** hears of the first 64 attempts of a stage one by one, and then whenever their number has grown by a sixteenth: its table may be behind
  by that much until the stage ends. ` + "`r1ctl status`" + ` counts all of them.

## What bounds remain
- A run's own history does not go on in a new one. A stage costs it some 13 events and 4 for each attempt that it hears of, so that thousands of stages fit.
  A pause, its end, a retry or an approval costs some 20 events, and a server takes 2,000 of them: then cancel the run and resume it.
- A stage names its jobs in its input, and what became of them when it goes on: some 200 bytes a job. A server takes 2 MiB: about 10,000 jobs a stage.
`
