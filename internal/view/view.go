package view

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// Options is what a View shows besides the status, and how.
type Options struct {
	Links  []string // as in Viewport
	Getenv func(string) string
}

// View follows a run: on a terminal as a frame that takes the whole window,
// elsewhere as plain lines.
type View struct {
	out    io.Writer
	window *os.File // nil: not a terminal that can be drawn on
	colour bool
	links  []string

	last  *runs.Status
	open  bool // the window is ours
	lines lines
}

// New makes a view of what is written to out. A terminal is drawn on unless it
// is dumb; with NO_COLOR set, without colour.
func New(out io.Writer, o Options) *View {
	v := &View{out: out, links: o.Links, colour: o.Getenv("NO_COLOR") == "", lines: newLines(out)}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if t := o.Getenv("TERM"); t != "" && t != "dumb" {
			v.window = f
		}
	}
	return v
}

// Begin says what will be shown. On a terminal the frame says it.
func (v *View) Begin(run *r1.Run) {
	if v.window != nil {
		return
	}
	fmt.Fprintf(v.out, "run %s  recipe %s  profile %s  %d stages\n", run.ID, run.Recipe, run.Profile, len(run.Plan.Stages))
	for _, l := range v.links {
		fmt.Fprintln(v.out, l)
	}
}

// Show shows a status. With a notice, it may be an old one, or nil.
func (v *View) Show(st *runs.Status, notice string) {
	if st != nil {
		v.last = st
	}
	if v.window == nil {
		v.lines.show(st, notice, time.Now())
		return
	}
	// The size is asked for each time: a window that was resized is right again at the next frame.
	width, height, err := term.GetSize(int(v.window.Fd()))
	if err != nil || width < 1 || height < 1 {
		width, height = 80, 24
	}
	frame := []string{cut(clean(notice), width)}
	if v.last != nil {
		frame = v.frame(width, height, notice)
	}
	v.draw(frame, height)
}

func (v *View) frame(width, height int, notice string) []string {
	return Frame(v.last, Viewport{
		Now: time.Now(), Width: width, Height: height, Colour: v.colour, Links: v.links, Notice: notice,
	})
}

// What a terminal is told. The alternate screen keeps what the user had, and is
// not rewrapped by the terminal when its size changes; lines are not wrapped
// and the cursor is hidden while we draw.
const (
	enter  = "\x1b[?1049h\x1b[?7l\x1b[?25l"
	leave  = "\x1b[?25h\x1b[?7h\x1b[?1049l"
	begin  = "\x1b[?2026h" // show nothing of what follows before the end
	finish = "\x1b[?2026l"
)

func (v *View) draw(frame []string, height int) {
	var b strings.Builder
	if !v.open {
		v.open = true
		b.WriteString(enter)
	}
	b.WriteString(begin)
	for i, l := range frame {
		fmt.Fprintf(&b, "\x1b[%d;1H\x1b[2K%s", i+1, l)
	}
	if n := len(frame); n < height {
		fmt.Fprintf(&b, "\x1b[%d;1H\x1b[J", n+1) // what the frame before had below
	}
	b.WriteString(finish)
	_, _ = io.WriteString(v.out, b.String())
}

// Close gives the terminal back as it was. It may be called at any time, and
// again.
func (v *View) Close() {
	if v.open {
		v.open = false
		_, _ = io.WriteString(v.out, leave)
	}
}

// Freeze closes and leaves what was shown last on the screen.
func (v *View) Freeze() {
	if !v.open {
		return
	}
	v.Close()
	width, height, err := term.GetSize(int(v.window.Fd()))
	if err != nil || v.last == nil {
		return
	}
	for _, l := range v.frame(max(1, width), max(2, height-2), "") {
		fmt.Fprintln(v.out, l)
	}
}
