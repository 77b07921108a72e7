package generate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Options are what a job does not say.
type Options struct {
	// Endpoint finds an endpoint of the site by the name that the job has for it.
	Endpoint func(name string) (Site, error)
	// AnswersDir keeps answers over the attempts of this machine; empty keeps them in
	// the working folder.
	AnswersDir string
	Log        io.Writer // for people
	// Settle is how long what is under way may go on when the job is asked to stop; default 5 s.
	Settle time.Duration
}

// Site is an endpoint as this site has it.
type Site struct {
	chat.Config
	Concurrency int // requests at a time
}

// ExitStopped is the exit code of a job that was asked to stop and saved.
const ExitStopped = 143

// errStopped is the cause of what ends because the job was asked to stop.
var errStopped = errors.New("asked to stop")

// Main runs the job of a job file and returns the exit code. A job that fails leaves
// error.json. When ctx ends (SIGTERM), what is done is saved.
func Main(ctx context.Context, file string, o Options) int {
	j, err := loadJob(file)
	if err == nil {
		err = run(ctx, j, o)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errStopped):
		return ExitStopped
	}
	fmt.Fprintln(o.Log, "error:", err)
	where := "error.json"
	if j != nil && j.Error != "" {
		where = j.Error
	}
	if !filepath.IsAbs(where) {
		where = filepath.Join(filepath.Dir(file), where)
	}
	raw, _ := json.MarshalIndent(trainerError(err), "", "  ") // of strings
	if err := os.WriteFile(where, append(raw, '\n'), 0o600); err != nil {
		fmt.Fprintln(o.Log, "error:", err)
	}
	return 1
}

// trainerError is what error.json says of a failure.
func trainerError(err error) r1.TrainerError {
	out := r1.TrainerError{Class: string(r1.ClassInfrastructure), Type: "generate-failed", Message: err.Error(),
		Remedy: "see the attempt's log: r1ctl logs RUN STAGE"}
	var ours *Failure
	var theirs *chat.Failure
	switch {
	case errors.As(err, &ours):
		out.Class = string(ours.Class)
	case errors.As(err, &theirs):
		out.Class = string(theirs.Class)
	}
	if named, ok := r1.AsError(err); ok {
		out.Type, out.Message, out.Remedy = named.Name, named.Error(), named.Remedy
		if ours == nil && theirs == nil {
			out.Class = string(r1.ClassConfig)
		}
	}
	return out
}

// run does a job to its end.
func run(ctx context.Context, j *job, o Options) (err error) {
	site, err := o.Endpoint(j.params.Endpoint)
	if err != nil {
		return err
	}
	site.Log = slog.New(slog.NewTextHandler(o.Log, nil))
	client, err := chat.New(site.Config)
	if err != nil {
		return err
	}
	judge, err := newJudge(j)
	if err != nil {
		return err
	}
	all, err := j.count()
	if err != nil {
		return err
	}
	from, to := j.params.Shard.part(all)
	root := o.AnswersDir
	if root == "" {
		root = filepath.Join(j.dir, "answers")
	}
	answers, err := openAnswers(root, j.scope(), j.key.Short())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answers.Close()) }()
	m, err := openMetrics(j.path(j.Metrics), o.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	w, err := openRows(j, to-from, answers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.begin(m); err != nil {
		return err
	}
	p := newPipeline(j, site.Concurrency, client, judge, answers, w, m)
	p.from, p.to = from, to
	stop, cancel := stopping(ctx, j.Deadline)
	defer cancel()
	if o.Settle <= 0 {
		o.Settle = 5 * time.Second
	}
	if err := p.run(ctx, stop, o.Settle); err != nil {
		return err
	}
	values, err := w.finish()
	if err != nil {
		return err
	}
	return m.say(r1.MetricsLine{Type: "summary", Step: w.total(), Values: with(values, p.numbers())})
}

// saveMargin is how long before its deadline a job saves.
const saveMargin = time.Minute

// stopping is a context that ends when the job is asked to stop, or its deadline is near.
func stopping(ctx context.Context, deadline *time.Time) (context.Context, context.CancelFunc) {
	if deadline == nil {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-saveMargin))
}
