package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

//go:embed html
var files embed.FS

// RefreshSeconds is how often a served page of a running run asks for news.
const RefreshSeconds = 10

// Options is how a report is rendered.
type Options struct {
	Refresh bool                       // let the page of a running run reload itself
	LogURL  func(r1.AttemptKey) string // address of an attempt's log; nil: no links
	Home    string                     // address of the list of runs; empty: no link
}

// Render writes the report as one HTML file that needs nothing else.
func Render(w io.Writer, r *Report, o Options) error {
	v, err := newView(r, o)
	if err != nil {
		return fmt.Errorf("render the report of %s: %w", r.Run, err)
	}
	t, err := pages()
	if err != nil {
		return err
	}
	var buf bytes.Buffer // half a page is worse than an error
	if err := t.ExecuteTemplate(&buf, "report.html", v); err != nil {
		return fmt.Errorf("render the report of %s: %w", r.Run, err)
	}
	_, err = buf.WriteTo(w)
	return err
}

// Listed is a run in the list of runs.
type Listed struct {
	Run, Recipe, Profile, Owner string
	Created                     time.Time
	URL                         string
}

// RenderList writes the list of runs.
func RenderList(w io.Writer, list []Listed) error {
	t, err := pages()
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := t.ExecuteTemplate(&buf, "list.html", list); err != nil {
		return fmt.Errorf("render the list of runs: %w", err)
	}
	_, err = buf.WriteTo(w)
	return err
}

// RenderProblem writes a page that says what is wrong.
func RenderProblem(w io.Writer, title, text string) error {
	t, err := pages()
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "problem.html", struct{ Title, Text string }{title, text})
}

func pages() (*template.Template, error) {
	style, err := files.ReadFile("html/style.css")
	if err != nil {
		return nil, fmt.Errorf("read the style of the pages: %w", err)
	}
	t, err := template.New("").Funcs(template.FuncMap{
		"style":    func() template.CSS { return template.CSS(style) },
		"duration": Duration,
		"clock":    clock,
		"number":   number,
		"count":    count,
		"bytes":    byteSize,
		"percent":  percent,
		"stateOf":  stateMark,
		"join":     list,
		"short":    short,
	}).ParseFS(files, "html/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	return t, nil
}

// clock writes a time for people; the zone is part of it, since a page travels.
func clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// number writes a metric: three digits that matter, whole numbers whole.
func number(v float64) string {
	switch {
	case v == float64(int64(v)) && (v >= 10 || v <= -10):
		return count(int(v))
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	case v != 0 && v < 0.01 && v > -0.01:
		return fmt.Sprintf("%.2g", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// count writes a whole number with its thousands apart.
func count(n int) string {
	if n < 0 {
		return "−" + count(-n)
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:] // a narrow space that does not break
	}
	return s
}

func byteSize(n int64) string {
	const units = "KMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	i := -1
	for v >= 1000 && i < len(units)-1 {
		v /= 1000
		i++
	}
	return fmt.Sprintf("%.3g %cB", v, units[i])
}

// short is enough of a digest to compare by eye.
func short(digest string) string { return digest[:min(12, len(digest))] }

// mark is a state as a sign, for those who do not see its colour.
type mark struct{ Sign, Class, Word string }

func stateMark(s r1.RunState) mark {
	switch s {
	case r1.RunCompleted:
		return mark{"✓", "good", string(s)}
	case r1.RunRunning:
		return mark{"●", "live", string(s)}
	case r1.RunPaused, r1.RunWaiting:
		return mark{"◌", "live", string(s)}
	case r1.RunFailed, r1.RunInterrupted:
		return mark{"✗", "bad", string(s)}
	case r1.RunCancelled, r1.RunSkipped:
		return mark{"–", "off", string(s)}
	}
	return mark{"○", "off", string(r1.RunPending)}
}
