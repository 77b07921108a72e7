package chaos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// audit is what was found wrong in a run that has ended.
type audit struct {
	Doubled  []string
	Orphans  []string
	Damaged  []string
	Unnamed  []string
	Digests  map[string]string // of every committed output, by job and output
	Attempts int
}

// auditRun looks at everything that a run left.
func (d *drive) auditRun(ctx context.Context, reference map[string]string) (audit, error) {
	a := audit{Digests: map[string]string{}, Doubled: d.sampler.doubled()}
	ledger, err := d.doubledLedger()
	if err != nil {
		return a, err
	}
	a.Doubled = append(a.Doubled, ledger...)
	for _, p := range d.rig.base().processes() {
		if p.Attempt.Attempt > 0 {
			a.Orphans = append(a.Orphans, "after the run's end: "+p.String()+" of "+p.Attempt.String())
		}
	}
	if err := d.auditFailures(&a); err != nil {
		return a, err
	}
	if err := d.tend(ctx); err != nil {
		return a, err
	}
	store, err := d.rig.store(ctx)
	if err != nil {
		return a, fmt.Errorf("read the bucket: %w", err)
	}
	if err := d.auditCommits(ctx, store, &a); err != nil {
		return a, err
	}
	for name, want := range reference {
		if got := a.Digests[name]; got != want && d.view.state().State == r1.RunCompleted {
			a.Damaged = append(a.Damaged, fmt.Sprintf("%s has digest %.12s, that of an undisturbed run is %.12s", name, got, want))
		}
	}
	return a, nil
}

// doubledLedger is what the scripted trainer itself noticed.
func (d *drive) doubledLedger() ([]string, error) {
	raw, err := os.ReadFile(filepath.Join(d.rig.base().control(), "doubled.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the trainer noticed: %w", err)
	}
	var list []string
	for line := range bytes.Lines(raw) {
		list = append(list, "seen by the trainer: "+string(bytes.TrimSpace(line)))
	}
	return list, nil
}

// auditFailures looks for failures without a name.
func (d *drive) auditFailures(a *audit) error {
	run := d.view.state()
	if run.State != r1.RunCompleted && run.State != r1.RunFailed {
		a.Unnamed = append(a.Unnamed, "the run is "+string(run.State))
	}
	for _, j := range d.recipe.Jobs {
		if j.Stage == "" {
			continue
		}
		if rec := d.view.stage(j.Stage); rec.State == r1.RunFailed && (rec.ErrorName == "" || rec.Remedy == "") {
			a.Unnamed = append(a.Unnamed, fmt.Sprintf("stage %s failed without a name or a remedy: %s", j.Stage, rec.Error))
		}
		for _, n := range d.view.tries(d.key(j)) {
			a.Attempts++
			key := d.key(j).Attempt(n)
			var res r1.Result
			err := d.view.read(path.Join(d.view.layout.Attempt(key), r1.ResultFile), &res)
			if err == nil && res.Outcome != r1.Succeeded && (res.Name == "" || res.Remedy == "") {
				a.Unnamed = append(a.Unnamed, fmt.Sprintf("attempt %s failed without a name or a remedy: %s", key, res.Error))
			}
		}
	}
	return nil
}

// auditCommits reads every byte of every committed artifact through S3.
func (d *drive) auditCommits(ctx context.Context, store *artifact.Store, a *audit) error {
	for _, j := range d.recipe.Jobs {
		if j.Stage == "" {
			continue
		}
		commit, err := store.FindCommit(ctx, d.view.layout, d.key(j))
		if errors.Is(err, r1.ErrNotFound) {
			if d.view.state().State == r1.RunCompleted {
				a.Damaged = append(a.Damaged, fmt.Sprintf("the run is completed, and %s has no commit", j))
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		for name, out := range commit.Outputs {
			a.Digests[j.Stage+"/"+j.Name+"/"+name] = out.SHA256
			if err := readAll(ctx, store, out); err != nil {
				a.Damaged = append(a.Damaged, fmt.Sprintf("%s of %s: %v", name, j, err))
			}
		}
	}
	return nil
}

// readAll reads an artifact, and says what of it is not as its manifest says.
func readAll(ctx context.Context, store *artifact.Store, a r1.Artifact) error {
	m, err := store.Manifest(ctx, a)
	if err != nil {
		return err
	}
	for _, f := range m.Files {
		body, err := store.Get(ctx, f.Key, 0, -1)
		if err != nil {
			return err
		}
		h := sha256.New()
		n, err := io.Copy(h, body)
		_ = body.Close()
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Key, err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); n != f.Size || got != f.SHA256 {
			return fmt.Errorf("%s has %d bytes of digest %.12s; its manifest says %d of %.12s", f.Key, n, got, f.Size, f.SHA256)
		}
	}
	return nil
}
