package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	// Files are those that are being written.
	Files []string `json:"files"`
	// Over is the sha256 of the marker that was there when the prefix was claimed; empty: none was.
	Over string `json:"over,omitempty"`
}

// of tells whether a claim is that of a publication.
func (c *claim) of(in Input) bool {
	return c != nil && c.By == in.By && c.Fingerprint == in.Fingerprint && c.SHA256 == in.Artifact.SHA256
}

// errOvertaken is that another publication came between; the next try sees what it has done.
var errOvertaken = errors.New("another publication came between")

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
		return d.release(ctx, in)
	}
	texts, err := in.texts()
	if err != nil {
		return err
	}
	if err := d.unmark(ctx, texts[MarkerFile], held.Over); err != nil {
		return errors.Join(err, d.release(ctx, in))
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
	won, err := d.PutBytesIfAbsent(ctx, d.key(MarkerFile), texts[MarkerFile])
	if err == nil && !won {
		err = errOvertaken // by who claimed it while this one was asleep
	}
	if err != nil {
		return err
	}
	return d.release(ctx, in)
}

// release takes this job's claim away, and no other's.
func (d prefix) release(ctx context.Context, in Input) error {
	found, err := d.claimed(ctx)
	if err != nil || !found.of(in) {
		return err
	}
	return d.Delete(ctx, d.key(claimFile))
}

// unmark takes the marker away that was there when the prefix was claimed: from here to the
// end nothing is whole. One's own stays, which a try before this one may have written just now.
func (d prefix) unmark(ctx context.Context, own []byte, over string) error {
	there, err := d.GetBytes(ctx, d.key(MarkerFile))
	switch {
	case errors.Is(err, r1.ErrNotFound), err == nil && bytes.Equal(there, own):
		return nil
	case err != nil:
		return err
	case digest(there) != over:
		return errOvertaken
	}
	return d.Delete(ctx, d.key(MarkerFile))
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// take makes sure that this job may write to the prefix: it is empty, claimed by this job
// before, or holds what may be written over. whole says that there is nothing to do.
func (d prefix) take(ctx context.Context, in Input) (held claim, whole bool, err error) {
	for try := 1; ; try++ {
		found, err := d.claimed(ctx)
		if err != nil {
			return held, false, err
		}
		at, there, over, err := d.look(ctx, in.marker())
		if err != nil {
			return held, false, err
		}
		switch {
		case found != nil && found.By != in.By:
			return held, false, d.busy(*found)
		case at == same:
			return held, true, nil
		case found.of(in):
			return *found, false, nil
		}
		held = claim{By: in.By, Fingerprint: in.Fingerprint, SHA256: in.Artifact.SHA256, Stale: there.stale(in.marker()), Files: in.marker().paths(), Over: over}
		if found != nil { // this job's, with other parameters: it was stopped, and goes on with these
			return held, false, d.succeed(ctx, *found, &held)
		}
		if err := refuse(at, there, d.URI(d.folder), in.Replace); err != nil {
			return held, false, err
		}
		won, err := d.PutJSONIfAbsent(ctx, d.key(claimFile), held)
		if err != nil || won {
			return held, false, err
		}
		if try == folderTries {
			return held, false, fmt.Errorf("%s is claimed and released all the time", d.URI(d.folder))
		}
	}
}

// succeed puts a claim in the place of an earlier one of the same job: what that one was to
// remove goes, and what it has written and this one does not.
func (d prefix) succeed(ctx context.Context, before claim, held *claim) error {
	for _, path := range slices.Concat(before.Stale, before.Files) {
		if !slices.Contains(held.Files, path) && !slices.Contains(held.Stale, path) {
			held.Stale = append(held.Stale, path)
		}
	}
	raw, err := json.Marshal(held)
	if err != nil {
		return fmt.Errorf("write the claim: %w", err)
	}
	return d.PutBytes(ctx, d.key(claimFile), raw)
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

// look compares what lies below the prefix; over is the digest of the marker there.
func (d prefix) look(ctx context.Context, now Marker) (at standing, there Marker, over string, err error) {
	objects, err := d.FilesUnder(ctx, d.folder)
	if err != nil {
		return foreign, Marker{}, "", err
	}
	if !slices.ContainsFunc(objects, func(o artifact.Object) bool { return o.Key != d.key(claimFile) }) {
		return absent, Marker{}, "", nil
	}
	raw, err := d.GetBytes(ctx, d.key(MarkerFile))
	if errors.Is(err, r1.ErrNotFound) {
		return foreign, Marker{}, "", nil
	}
	if err != nil {
		return foreign, Marker{}, "", err
	}
	at, there, err = judge(raw, now, func() (bool, error) { return d.missing(objects, now) == "", nil })
	return at, there, digest(raw), err
}

// missing names the first file that is not among the objects with its size. People may write
// in the card.
func (d prefix) missing(objects []artifact.Object, m Marker) string {
	sizes := map[string]int64{}
	for _, o := range objects {
		sizes[o.Key] = o.Size
	}
	for _, f := range m.Files {
		if size, ok := sizes[d.key(f.Path)]; f.Path != CardFile && (!ok || size != f.Size) {
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
