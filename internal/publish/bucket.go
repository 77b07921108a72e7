package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/destination"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// claimFile says who is publishing to a prefix. While it is there the prefix is not whole.
const claimFile = ".r1ctl-publishing.json"

const copiesAtOnce = 8

// claim is its content: the same for each try of one job.
type claim struct {
	By          r1.JobKey `json:"by"`
	Fingerprint string    `json:"fingerprint"`
	SHA256      string    `json:"sha256"`
	// Stale are files of the publication that is replaced, which go.
	Stale []string `json:"stale,omitempty"`
}

// prefix is a place in a bucket.
type prefix struct {
	Bucket
	folder string
}

func (d prefix) key(path string) string { return d.folder + "/" + path }

// toBucket writes a claim, the files, and the marker last. It takes the claim away then.
func (p *Publisher) toBucket(ctx context.Context, in Input, rec *Record) error {
	b, err := p.OpenBucket(ctx, in.To.Bucket)
	if err != nil {
		return err
	}
	d := prefix{b, in.To.Prefix}
	held, whole, err := d.take(ctx, in)
	if err != nil {
		return err
	}
	if whole {
		rec.Already = true
		return d.Delete(ctx, d.key(claimFile))
	}
	texts, err := in.texts()
	if err != nil {
		return err
	}
	if err := d.unmark(ctx, texts[MarkerFile]); err != nil {
		return err
	}
	if err := p.copyFiles(ctx, d, in); err != nil {
		return err
	}
	for _, name := range []string{CardFile, ProvenanceFile} {
		if err := d.PutBytes(ctx, d.key(name), texts[name]); err != nil {
			return err
		}
	}
	for _, path := range held.Stale {
		if err := d.Delete(ctx, d.key(path)); err != nil {
			return err
		}
	}
	fault.Point(fault.EngineComputed, in.By.String())
	if err := d.PutBytes(ctx, d.key(MarkerFile), texts[MarkerFile]); err != nil {
		return err
	}
	return d.Delete(ctx, d.key(claimFile))
}

// unmark takes the marker of another publication away: from here to the end nothing is
// whole. One's own stays, which a try before this one may have written just now.
func (d prefix) unmark(ctx context.Context, own []byte) error {
	there, err := d.GetBytes(ctx, d.key(MarkerFile))
	if errors.Is(err, r1.ErrNotFound) || err == nil && bytes.Equal(there, own) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.Delete(ctx, d.key(MarkerFile))
}

// take makes sure that this job may write to the prefix: it is empty, claimed by this job
// before, or holds what may be written over. whole says that there is nothing to do.
func (d prefix) take(ctx context.Context, in Input) (held claim, whole bool, err error) {
	for try := 1; ; try++ {
		found, err := d.claimed(ctx)
		if err != nil {
			return held, false, err
		}
		at, there, err := d.look(ctx, in.marker())
		if err != nil {
			return held, false, err
		}
		mine := found != nil && found.By == in.By && found.Fingerprint == in.Fingerprint && found.SHA256 == in.Artifact.SHA256
		switch {
		case found != nil && !mine:
			return held, false, d.busy(*found)
		case at == same:
			return held, true, nil
		case mine:
			return *found, false, nil
		}
		if err := refuse(at, there, d.URI(d.folder), in.Replace); err != nil {
			return held, false, err
		}
		held = claim{By: in.By, Fingerprint: in.Fingerprint, SHA256: in.Artifact.SHA256, Stale: there.stale(in.marker())}
		won, err := d.PutJSONIfAbsent(ctx, d.key(claimFile), held)
		if err != nil || won {
			return held, false, err
		}
		if try == folderTries {
			return held, false, fmt.Errorf("%s is claimed and released all the time", d.URI(d.folder))
		}
	}
}

func (d prefix) busy(by claim) error {
	return &r1.Error{
		Name: "publish-busy", Detail: fmt.Sprintf("%s is being written to by %s, or was left so when that was stopped", d.URI(d.folder), by.By),
		Remedy: fmt.Sprintf("wait for run %s, or resume it; where it is given up, delete %s/ and call r1ctl retry", by.By.Run, d.URI(d.folder)),
	}
}

func (d prefix) claimed(ctx context.Context) (*claim, error) {
	raw, err := d.GetBytes(ctx, d.key(claimFile))
	if errors.Is(err, r1.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var c claim
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.URI(d.key(claimFile)), err)
	}
	return &c, nil
}

// look compares what lies below the prefix.
func (d prefix) look(ctx context.Context, now Marker) (standing, Marker, error) {
	objects, err := d.FilesUnder(ctx, d.folder)
	if err != nil {
		return foreign, Marker{}, err
	}
	if !slices.ContainsFunc(objects, func(o artifact.Object) bool { return o.Key != d.key(claimFile) }) {
		return absent, Marker{}, nil
	}
	raw, err := d.GetBytes(ctx, d.key(MarkerFile))
	if errors.Is(err, r1.ErrNotFound) {
		return foreign, Marker{}, nil
	}
	if err != nil {
		return foreign, Marker{}, err
	}
	return judge(raw, now, func() (bool, error) { return d.missing(objects, now) == "", nil })
}

// missing names the first file that is not among the objects with its size.
func (d prefix) missing(objects []artifact.Object, m Marker) string {
	sizes := map[string]int64{}
	for _, o := range objects {
		sizes[o.Key] = o.Size
	}
	for _, f := range m.Files {
		if size, ok := sizes[d.key(f.Path)]; !ok || size != f.Size {
			return f.Path
		}
	}
	return ""
}

// copyFiles has the server copy, some files at a time.
func (p *Publisher) copyFiles(ctx context.Context, d prefix, in Input) error {
	say := newSteps(in)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(copiesAtOnce)
	for _, f := range in.Files {
		g.Go(func() error {
			if err := d.CopyFrom(gctx, p.Store.Bucket(), f, d.key(f.Path)); err != nil {
				return fmt.Errorf("copy %s: %w", f.Path, err)
			}
			say.add(f.Size)
			return nil
		})
	}
	return g.Wait()
}

func (p *Publisher) goneFromBucket(ctx context.Context, to destination.Destination, rec Record) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	b, err := p.OpenBucket(ctx, to.Bucket)
	if err != nil {
		return "", err
	}
	d := prefix{b, to.Prefix}
	raw, err := d.GetBytes(ctx, d.key(MarkerFile))
	if errors.Is(err, r1.ErrNotFound) {
		return "there is no " + d.URI(d.key(MarkerFile)), nil
	}
	if err != nil {
		return "", err
	}
	if there, ok := readMarker(raw); !ok || there.SHA256 != rec.SHA256 {
		return d.URI(d.folder) + " holds something else", nil
	}
	objects, err := d.FilesUnder(ctx, d.folder)
	if err != nil {
		return "", err
	}
	if path := d.missing(objects, rec.Marker); path != "" {
		return d.URI(d.key(path)) + " is not there as it was", nil
	}
	return "", nil
}
