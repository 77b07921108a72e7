package publish

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/destination"
	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Store is what this package needs of the artifact store.
type Store interface {
	Bucket() string
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	DownloadFiles(ctx context.Context, name string, files []r1.ManifestEntry, dir string, o artifact.DownloadOptions) error
}

// Bucket is what this package needs of the bucket that it publishes to.
type Bucket interface {
	URI(key string) string
	GetBytes(ctx context.Context, key string) ([]byte, error)
	PutBytes(ctx context.Context, key string, data []byte) error
	PutBytesIfAbsent(ctx context.Context, key string, data []byte) (bool, error)
	PutJSONIfAbsent(ctx context.Context, key string, v any) (bool, error)
	Delete(ctx context.Context, key string) error
	FilesUnder(ctx context.Context, folder string) ([]artifact.Object, error)
	CopyFrom(ctx context.Context, bucket string, e r1.ManifestEntry, key string) error
}

// Publisher knows the ways out.
type Publisher struct {
	Store Store
	// OpenBucket gives a bucket of the site's S3, which can copy from the store's.
	OpenBucket func(ctx context.Context, bucket string) (Bucket, error)
	Hub        hub.Settings
}

// Input is one publication with where it goes.
type Input struct {
	Publication
	To       destination.Destination
	Private  bool
	Replace  bool
	Message  string
	Attempt  int                     // tells leftovers of attempts apart
	Dir      string                  // scratch
	Progress func(done, total int64) // bytes; may be nil
}

// A Record says what was published, where and when.
type Record struct {
	To     string    `json:"to"`               // as the recipe has it
	URL    string    `json:"url"`              // for people
	Commit string    `json:"commit,omitempty"` // on the Hub
	At     time.Time `json:"at"`
	// Already says that all was there when this job began, of an earlier try.
	Already bool            `json:"already,omitempty"`
	Type    r1.ArtifactType `json:"type"`
	Marker
}

// Bytes is the sum of the files' sizes.
func (r Record) Bytes() int64 {
	var n int64
	for _, f := range r.Files {
		n += f.Size
	}
	return n
}

// Publish makes the destination hold the publication. It may be repeated after any
// interruption. Trouble that may pass is no r1.Error.
func (p *Publisher) Publish(ctx context.Context, in Input) (Record, error) {
	put := p.toFolder
	switch {
	case in.To.Repo != "":
		put = p.toHub
	case in.To.Bucket != "":
		put = p.toBucket
	}
	rec := Record{To: in.To.String(), URL: in.To.String(), Type: in.Artifact.Type, Marker: in.marker()}
	if err := put(ctx, in, &rec); err != nil {
		return rec, fmt.Errorf("publish to %s: %w", in.To, err)
	}
	rec.At = time.Now().UTC().Truncate(time.Second)
	return rec, nil
}

// Gone says what is missing, or other than it was published; "" where all is there. It
// looks at names and sizes (on the Hub at digests of large files), and reads no content.
func (p *Publisher) Gone(ctx context.Context, rec Record) (string, error) {
	to, err := destination.Parse(rec.To, "/")
	if err != nil {
		return "", err
	}
	look := p.goneFromFolder
	switch {
	case to.Repo != "":
		look = p.goneFromHub
	case to.Bucket != "":
		look = p.goneFromBucket
	}
	why, err := look(ctx, to, rec)
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", to, err)
	}
	return why, nil
}
