package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// curateTarget is where a curation goes.
type curateTarget struct {
	path   string // as given
	format string
	beside string // folder of the accounts, when path is a file; "": path is a folder
}

func (f curateFlags) target() (curateTarget, error) {
	path := f.out.path
	if path == "" {
		return curateTarget{}, usageError{errors.New("-o OUT is missing: a folder, or a file of rows")}
	}
	t := curateTarget{path: filepath.Clean(path), format: f.format}
	if format := curate.FormatOf(path); format != "" {
		if f.format != "" && f.format != format {
			return t, usageError{fmt.Errorf("--format is %s, but %s ends in %s", f.format, path, format)}
		}
		t.format, t.beside = format, strings.TrimSuffix(t.path, "."+format)+".curate"
	}
	switch {
	case f.shard.rows < 0 || f.shard.bytes < 1:
		return t, usageError{errors.New("--shard-rows and --shard-bytes are whole numbers above 0")}
	case t.beside != "" && (f.shard.rows > 0 || f.shard.bytes != curate.DefaultShardBytes):
		return t, usageError{fmt.Errorf("--shard-rows and --shard-bytes are for a folder, and %s is a file", path)}
	}
	if t.format == "" {
		t.format = "jsonl"
	}
	if curate.FormatOf("."+t.format) != t.format {
		return t, usageError{fmt.Errorf("--format is %q, expected one of %s", t.format, strings.Join(curate.Formats(), ", "))}
	}
	return t, nil
}

// free refuses a target that exists, and with force one that is no output of a
// curation, or holds what is read.
func (t curateTarget) free(force bool, in []string) error {
	for _, path := range []string{t.path, t.beside} {
		if path == "" {
			continue
		}
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return fmt.Errorf("look at the output: %w", err)
		case !force:
			return &r1.Error{Name: "output-exists", Detail: path + " exists", Remedy: "give another -o, or --force to replace it"}
		case info.IsDir() && !isCuration(path):
			return &r1.Error{
				Name: "output-not-replaced", Detail: path + " is a folder that no curation made (it has no funnel.json)",
				Remedy: "give another -o, or remove the folder yourself",
			}
		}
		for _, name := range in {
			if within(path, name) {
				return &r1.Error{Name: "output-holds-input", Detail: fmt.Sprintf("%s would be replaced, and %s is read from it", path, name), Remedy: "give another -o"}
			}
		}
	}
	return nil
}

// isCuration says whether a folder is what a curation left.
func isCuration(path string) bool {
	_, err := os.Stat(filepath.Join(path, "funnel.json"))
	return err == nil
}

// within says whether a path is folder, or in it.
func within(folder, path string) bool {
	outer, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	inner, err := filepath.Abs(path)
	return err == nil && (inner == outer || strings.HasPrefix(inner, outer+string(filepath.Separator)))
}

// curateInto runs a job in a folder beside the target, and gives the folder its
// name at the end: whatever happens, OUT is whole or not there.
func (a *app) curateInto(ctx context.Context, t curateTarget, job curate.Job) error {
	parent, base := filepath.Split(t.path)
	if parent == "" {
		parent = "."
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make the output: %w", err)
	}
	work, release, err := workFolder(parent, base)
	if err != nil {
		return err
	}
	defer release()
	job.OutDir = work
	done := a.curateProgress(&job)
	began := time.Now()
	funnel, err := curate.Run(ctx, job)
	done()
	switch {
	case err != nil && ctx.Err() != nil:
		return a.curateStopped()
	case err != nil && funnel.In == 0:
		return err
	case err != nil:
		return a.keepFailed(t, work, err)
	}
	if err := t.place(work, job.Layout.Rows); err != nil {
		return err
	}
	if isCuration(t.path + ".failed") { // of an earlier try
		_ = os.RemoveAll(t.path + ".failed")
	}
	return a.curateSummary(t, funnel, time.Since(began))
}

func (a *app) curateStopped() error {
	fmt.Fprintln(a.err, "stopped; nothing was written")
	return codeError(exitCancelled)
}

// workFolder makes the folder that a curation works in, beside OUT, and empties one
// that a killed curation has left. It is locked as long as this process lives, so
// one curation at a time makes an OUT. release removes it, unless it has become OUT.
func workFolder(parent, base string) (dir string, release func(), err error) {
	dir = filepath.Join(parent, "."+base+".curate")
	var lock *os.File
	here := func() bool { // not what somebody else has made in its place
		ours, err := lock.Stat()
		now, gone := os.Stat(dir)
		return err == nil && gone == nil && os.SameFile(ours, now)
	}
	for {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return "", nil, fmt.Errorf("make the output: %w", err)
		}
		if lock, err = os.Open(dir); errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return "", nil, fmt.Errorf("make the output: %w", err)
		}
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_ = lock.Close()
			return "", nil, &r1.Error{
				Name: "output-busy", Detail: "another curation writes " + filepath.Join(parent, base), Remedy: "wait until it has ended, or give another -o",
			}
		}
		if here() {
			break
		}
		_ = lock.Close()
	}
	release = func() {
		if here() {
			_ = os.RemoveAll(dir)
		}
		_ = lock.Close()
	}
	left, err := os.ReadDir(dir)
	for _, entry := range left {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
	}
	err = errors.Join(err, os.RemoveAll(dir+".old"))
	if err != nil {
		release()
		return "", nil, fmt.Errorf("clear what a curation before has left: %w", err)
	}
	return dir, release, nil
}

// keepFailed leaves the accounts of a curation that failed.
func (a *app) keepFailed(t curateTarget, work string, cause error) error {
	failed := t.path + ".failed"
	err := removeRows(work)
	if err == nil && isCuration(failed) {
		err = os.RemoveAll(failed)
	}
	if err == nil {
		err = os.Rename(work, failed)
	}
	if err != nil {
		return errors.Join(cause, fmt.Errorf("keep its accounts: %w", err))
	}
	fmt.Fprintf(a.err, "%s says what happened to which row\n", failed+string(filepath.Separator))
	return cause
}

// removeRows leaves the accounts of an output alone.
func removeRows(work string) error {
	entries, err := os.ReadDir(work)
	for _, e := range entries {
		if curate.HoldsRows(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(work, e.Name())))
		}
	}
	return err
}

// place moves the finished output to its name; the rows come last.
func (t curateTarget) place(work, rows string) error {
	if t.beside == "" {
		return replace(work, t.path)
	}
	// An old file of rows never lies beside new accounts.
	if err := os.RemoveAll(t.path); err != nil {
		return fmt.Errorf("replace the output: %w", err)
	}
	if err := replace(work, t.beside); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(t.beside, rows), t.path); err != nil {
		return fmt.Errorf("name the output: %w", err)
	}
	return nil
}

// replace renames from to to; what was there goes when its successor is in place.
func replace(from, to string) error {
	old := from + ".old"
	err := os.Rename(to, old)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace the output: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		_ = os.Rename(old, to)
		return fmt.Errorf("name the output: %w", err)
	}
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("remove the output before: %w", err)
	}
	return nil
}

// curateProgress tells how far a long curation is: it redraws one line on a
// terminal, and elsewhere writes one now and then.
func (a *app) curateProgress(job *curate.Job) (done func()) {
	f, ok := a.err.(*os.File)
	tty := ok && term.IsTerminal(int(f.Fd()))
	every, shown := 10*time.Second, false
	if tty {
		every = time.Second
	}
	began := time.Now()
	last := began
	job.Progress = func(rows int) {
		if now := time.Now(); now.Sub(last) >= every {
			last = now
			text := fmt.Sprintf("%d rows read, %.0f a second", rows, float64(rows)/now.Sub(began).Seconds())
			if tty {
				shown = true
				fmt.Fprintf(a.err, "\r\x1b[K%s", text)
			} else {
				fmt.Fprintln(a.err, text)
			}
		}
	}
	return func() {
		if shown {
			fmt.Fprint(a.err, "\r\x1b[K")
		}
	}
}

// curateResult is what -o json prints.
type curateResult struct {
	Out     string    `json:"out"`
	Folder  string    `json:"folder"` // of dropped.jsonl, quarantine.jsonl and funnel.json
	Format  string    `json:"format"`
	Seconds float64   `json:"seconds"`
	Funnel  r1.Funnel `json:"funnel"`
}

func (a *app) curateSummary(t curateTarget, funnel r1.Funnel, took time.Duration) error {
	folder := t.path
	if t.beside != "" {
		folder = t.beside
	}
	if a.json() {
		return a.printJSON(curateResult{Out: t.path, Folder: folder, Format: t.format, Seconds: took.Seconds(), Funnel: funnel})
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "read\t%d\t\n", funnel.In)
	for _, d := range funnel.Dropped {
		fmt.Fprintf(w, "- %s\t%d\t%s\n", d.Name, d.Rows, d.Reason)
	}
	fmt.Fprintf(w, "kept\t%d\t%s\n", funnel.Kept, t.path)
	for _, q := range funnel.Asked {
		fmt.Fprintf(w, "%s\t%d\ttexts, by %s\n", q.Name, q.Texts, q.Model)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
