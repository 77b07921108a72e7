package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch [RUN]",
		Short: "Follow a run until it ends (the newest one by default)",
		Long: `This command shows what a run does, stage by stage, until the run ends. Ctrl-C
leaves the run alone.`,
		Example:           "  r1ctl watch full-r1-1123-k7q2",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.open(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			run, err := s.load(cmd.Context(), id)
			if err != nil {
				return err
			}
			return a.follow(cmd.Context(), s, run)
		},
	}
}

// follow shows a run until it ends; when ctx ends first it detaches. Its error
// carries the exit code of the run's outcome.
func (a *app) follow(ctx context.Context, s *session, run *r1.Run) error {
	v := newView(a.err)
	if !a.json() {
		v = newView(a.out)
	}
	v.line("run %s  recipe %s  profile %s  %d stages", run.ID, run.Recipe, run.Profile, len(run.Plan.Stages))
	if s.ui != "" {
		v.line("Temporal UI  %s/namespaces/%s/workflows/%s", s.ui, s.cfg.Temporal.Namespace, run.ID)
	}
	reader := runs.NewReader(s.store, run)
	for {
		st, err := s.status(ctx, reader)
		switch {
		case ctx.Err() != nil:
			v.clear()
			v.line("detached; run %s goes on. Watch it again with: r1ctl watch %s", run.ID, run.ID)
			return nil
		case err != nil && (artifact.IsUnavailable(err) || errors.Is(err, context.DeadlineExceeded)):
			v.live([]string{"storage does not answer; waiting: " + firstLine(err.Error(), 80)})
		case err != nil:
			v.clear()
			return err
		default:
			v.show(st)
			if ended(st.State) {
				v.clear()
				return a.finish(s, st)
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func ended(s r1.RunState) bool { return s != r1.RunRunning && s != r1.RunPending }

func (a *app) finish(s *session, st *runs.Status) error {
	if a.json() {
		if err := a.printJSON(st); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.out)
		printStatus(a.out, st)
		s.printWhere(a.out)
	}
	switch st.State {
	case r1.RunCompleted:
		return nil
	case r1.RunCancelled:
		return codeError(exitCancelled)
	default:
		return codeError(exitRunFailed)
	}
}

// view prints what changes as lines that stay, and on a terminal keeps the
// running stages below them as lines that are redrawn.
type view struct {
	out    io.Writer
	tty    *os.File // nil: not a terminal
	drawn  int
	seen   map[string]r1.RunState
	spoken map[string]time.Time // stage -> when its progress was last a plain line
}

// speakEvery is how often a plain (not terminal) view repeats progress.
const speakEvery = 30 * time.Second

func newView(out io.Writer) *view {
	v := &view{out: out, seen: map[string]r1.RunState{}, spoken: map[string]time.Time{}}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		v.tty = f
	}
	return v
}

func (v *view) show(st *runs.Status) {
	v.clear()
	var live []string
	for i := range st.Stages {
		s := &st.Stages[i]
		if v.seen[s.Name] != s.State && s.State != r1.RunPending {
			v.seen[s.Name] = s.State
			v.spoken[s.Name] = time.Now()
			v.event(st, s)
		}
		if s.State != r1.RunRunning {
			continue
		}
		text := liveNote(*s)
		if text == "" {
			text = "waiting for a slot"
			if s.Kind == r1.KindCurate {
				text = "filtering"
			}
		}
		live = append(live, fmt.Sprintf("  %-18s %6s  %s", s.Name, seconds(s.Seconds), text))
		if v.tty == nil && time.Since(v.spoken[s.Name]) > speakEvery {
			v.spoken[s.Name] = time.Now()
			v.line("%s  %-18s %s", clock(st), s.Name, text)
		}
	}
	v.live(live)
}

func (v *view) event(st *runs.Status, s *runs.Stage) {
	switch s.State {
	case r1.RunRunning:
		title := string(s.Kind)
		if s.Title != "" {
			title += ": " + s.Title
		}
		v.line("%s  %-18s started    %s", clock(st), s.Name, title)
	default:
		v.line("%s  %-18s %-10s %6s  %s", clock(st), s.Name, s.State, seconds(s.Seconds), note(*s))
	}
}

func (v *view) line(format string, args ...any) { fmt.Fprintf(v.out, format+"\n", args...) }

// live draws lines that clear removes again; nothing without a terminal.
func (v *view) live(lines []string) {
	if v.tty == nil {
		return
	}
	width, _, err := term.GetSize(int(v.tty.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	for _, l := range lines {
		fmt.Fprintln(v.out, firstLine(l, width-1))
	}
	v.drawn = len(lines)
}

func (v *view) clear() {
	if v.drawn == 0 {
		return
	}
	fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.drawn)
	v.drawn = 0
}

func clock(st *runs.Status) string {
	d := time.Duration(st.Seconds * float64(time.Second)).Round(time.Second)
	text := d.String()
	return strings.Repeat(" ", max(0, 7-len(text))) + text
}
