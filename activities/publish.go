package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/destination"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/provenance"
	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Publisher brings artifacts out, and looks whether they are still there.
type Publisher interface {
	Publish(ctx context.Context, in publish.Input) (publish.Record, error)
	Gone(ctx context.Context, rec publish.Record) (string, error)
}

// publishedFile is the record in a publication's artifact.
const publishedFile = "published.json"

// publishParams are those of kind publish.
type publishParams struct {
	To      string `json:"to"`
	Licence string `json:"licence"`
	Title   string `json:"title"`
	Notes   string `json:"notes"`
	Message string `json:"message"`
	Private bool   `json:"private"`
	Replace bool   `json:"replace"`
}

// publish brings the job's input out, stores the record of it, and commits. Killed
// anywhere, the next try brings out the same bytes, and finds what is there already.
func (a *Activities) publish(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, attempt int, progress *reading) (tasks.Computed, error) {
	started := time.Now().UTC()
	var params publishParams
	if err := json.Unmarshal(job.Params, &params); err != nil {
		return tasks.Computed{}, permanent("plan-mismatch", "the parameters of %s cannot be read: %v", ref.Key(), err)
	}
	to, err := destination.Parse(params.To, "/")
	if err != nil || a.Publisher == nil {
		return tasks.Computed{}, permanent("plan-mismatch", "%s cannot publish to %q: %v", ref.Key(), params.To, err)
	}
	out, err := a.publication(ctx, ref, job, params)
	if err != nil {
		return tasks.Computed{}, lasting(err)
	}
	// Whoever slept while another attempt has ended it all composes what nobody needs.
	if c, err := a.Store.FindCommit(ctx, ref.Layout(), ref.Key()); err == nil {
		a.journalOf(ref).remove(ctx)
		return tasks.Computed{Metrics: keyMetrics(c.Kind, c.Metrics)}, nil
	} else if !errors.Is(err, r1.ErrNotFound) {
		return tasks.Computed{}, fmt.Errorf("look for the commit of %s: %w", ref.Key(), err)
	}
	if err := os.MkdirAll(a.WorkDir, 0o700); err != nil {
		return tasks.Computed{}, fmt.Errorf("make the work folder: %w", err)
	}
	dir, err := os.MkdirTemp(a.WorkDir, "publish-")
	if err != nil {
		return tasks.Computed{}, fmt.Errorf("make the work folder: %w", err)
	}
	defer os.RemoveAll(dir)
	record, err := a.Publisher.Publish(ctx, publish.Input{
		Publication: out, To: to, Private: params.Private, Replace: params.Replace, Message: params.Message, Attempt: attempt, Dir: dir, Progress: progress.bytes,
	})
	if err != nil {
		return tasks.Computed{}, lasting(err)
	}
	published := time.Now()
	fault.Point(fault.EngineComputed, ref.Key().String())
	if err := writeRecord(filepath.Join(dir, "out"), out, record); err != nil {
		return tasks.Computed{}, err
	}
	decl := job.Outputs[0]
	art, err := a.Store.Upload(ctx, filepath.Join(dir, "out"), artifact.UploadOptions{
		Name: ref.Stage + "." + decl.Name, Type: decl.Type, Producer: ref.Key().Attempt(attempt), Prefix: ref.Layout().Artifact(decl, attempt),
	})
	if err != nil {
		return tasks.Computed{}, fmt.Errorf("upload %s: %w", decl.Name, err)
	}
	fault.Point(fault.EngineComputeStored, ref.Key().String())
	metrics := map[string]float64{"files": float64(len(record.Files)), "bytes": float64(record.Bytes())}
	err = a.commitResult(ctx, tasks.AttemptRef{JobRef: ref, Attempt: attempt}, job, nil, r1.Result{
		Outcome: r1.Succeeded, Outputs: map[string]r1.Artifact{decl.Name: art}, Metrics: metrics, Started: started, Ended: time.Now().UTC(),
		Timing: &r1.Timing{Train: published.Sub(started).Seconds(), Upload: time.Since(published).Seconds()},
		Maker:  &r1.Maker{R1ctl: a.R1ctl},
	})
	if err == nil {
		a.journalOf(ref).remove(ctx)
	}
	return tasks.Computed{Metrics: keyMetrics(job.Kind, metrics)}, err
}

// lasting makes an error permanent that only a person can cure. S3 that is away comes back.
func lasting(err error) error {
	if artifact.IsUnavailable(err) {
		return err
	}
	return classify(err)
}

// writeRecord writes what becomes the job's output.
func writeRecord(dir string, out publish.Publication, record publish.Record) error {
	raw, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return fmt.Errorf("write the record: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write the record: %w", err)
	}
	for name, text := range map[string][]byte{publishedFile: raw, publish.CardFile: []byte(out.Card), publish.ProvenanceFile: []byte(out.Provenance)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return fmt.Errorf("write the record: %w", err)
		}
	}
	return nil
}

// publication is what goes out. The first try of a job writes it down, for those after it:
// an evaluation that is committed meanwhile must not make of one publication two.
func (a *Activities) publication(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, params publishParams) (publish.Publication, error) {
	key := path.Join(ref.Layout().Journal(ref.Key()), "publication-"+job.Fingerprint+".json")
	var out publish.Publication
	err := a.Store.GetJSON(ctx, key, &out)
	if err == nil || !errors.Is(err, r1.ErrNotFound) {
		return out, err
	}
	if out, err = a.compose(ctx, ref, job, params); err != nil {
		return out, err
	}
	won, err := a.Store.PutJSONIfAbsent(ctx, key, out)
	if err == nil && !won {
		err = a.Store.GetJSON(ctx, key, &out)
	}
	return out, err
}

// compose collects where the job's input comes from, and writes card and provenance.
func (a *Activities) compose(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, params publishParams) (publish.Publication, error) {
	plan, err := a.plan(ctx, ref)
	if err != nil {
		return publish.Publication{}, err
	}
	var run r1.Run
	if err := a.Store.GetJSON(ctx, ref.Layout().RunFile(), &run); err != nil {
		return publish.Publication{}, fmt.Errorf("read run %s: %w", ref.Run, err)
	}
	run.Plan = *plan
	out := publish.Publication{Recipe: ref.Recipe, By: ref.Key(), Fingerprint: job.Fingerprint}
	for _, from := range job.Inputs { // there is one
		record, err := provenance.Collect(ctx, a.Store, &run, from)
		if err != nil {
			return out, fmt.Errorf("collect the provenance of %s: %w", from.Stage, err)
		}
		out.Artifact = record.Artifact
		out.Files = publish.Paths(record.Artifact.Type, record.Files)
		record.Files = out.Files
		if err := record.WithoutFolders(); err != nil {
			return out, err
		}
		card, err := record.Card(provenance.CardOptions{Title: params.Title, License: params.Licence, Notes: params.Notes})
		if err != nil {
			return out, err
		}
		statement, err := record.Statement()
		if err != nil {
			return out, err
		}
		out.Card, out.Provenance = string(card), string(statement)+"\n"
	}
	return out, nil
}

// stands says whether what a commit published is where it was published to. Of other kinds
// nothing is asked.
func (a *Activities) stands(ctx context.Context, job *r1.PlannedJob, c *r1.Commit) (bool, error) {
	if job.Kind != r1.KindPublish || a.Publisher == nil {
		return true, nil
	}
	var record publish.Record
	body, err := a.Store.OpenFile(ctx, c.Outputs[job.Outputs[0].Name], publishedFile)
	if errors.Is(err, r1.ErrNotFound) {
		return false, nil // nobody knows any more
	}
	if err != nil {
		return false, fmt.Errorf("read what %s published: %w", c.Key, err)
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err == nil {
		err = json.Unmarshal(raw, &record)
	}
	if err != nil {
		return false, fmt.Errorf("read what %s published: %w", c.Key, err)
	}
	why, err := a.Publisher.Gone(ctx, record)
	if err != nil {
		return false, lasting(err)
	}
	if why != "" && a.Log != nil {
		a.Log.Info("published anew: what was published is not there any more", "job", job.Stage+"/"+job.Name, "was", c.Key.String(), "why", why)
	}
	return why == "", nil
}
