package s3server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// durable answers a write only when it would survive a power loss.
type durable struct {
	*posix.Posix
	root string
	sync func(path string) error // fsync of a file or directory
}

// PutObject brings the data to disk before the object appears, so that an
// overwritten object is old or new but never empty, and the rest before the answer.
func (d *durable) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	out, err := d.PutObjectWithPostFunc(ctx, in, (*os.File).Sync)
	if err = d.settle(err, in.Bucket, in.Key); err != nil {
		return s3response.PutObjectOutput{}, err
	}
	return out, nil
}

// UploadPart needs no second sync of the file: its attributes are set before the hook.
func (d *durable) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	out, err := d.UploadPartWithPostFunc(ctx, in, (*os.File).Sync)
	if err != nil {
		return nil, err
	}
	return out, d.syncUpload(in.Bucket, in.Key, in.UploadId)
}

// UploadPartCopy copies a range of an object into a part.
func (d *durable) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (s3response.CopyPartResult, error) {
	out, err := d.Posix.UploadPartCopy(ctx, in)
	if err != nil {
		return s3response.CopyPartResult{}, err
	}
	if in.PartNumber != nil && in.UploadId != nil {
		part := filepath.Join(uploadDir(*in.Bucket, *in.Key), *in.UploadId, fmt.Sprint(*in.PartNumber))
		if err := d.syncPath(part); err != nil {
			return s3response.CopyPartResult{}, err
		}
	}
	return out, nil
}

// CompleteMultipartUpload has the joined data on disk before the parts are
// removed: otherwise a power loss could take both.
func (d *durable) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	out, version, err := d.CompleteMultipartUploadWithCopy(ctx, in, copyAndSync)
	if err = d.settle(err, in.Bucket, in.Key); err != nil {
		return s3response.CompleteMultipartUploadResult{}, "", err
	}
	return out, version, nil
}

// CopyObject copies an object inside the server.
func (d *durable) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	out, err := d.Posix.CopyObject(ctx, in)
	if err = d.settle(err, in.Bucket, in.Key); err != nil {
		return s3response.CopyObjectOutput{}, err
	}
	return out, nil
}

// settle makes the object durable and gives err back. A lost condition is an
// answer too: "it is there already" must not be said of what may still vanish.
func (d *durable) settle(err error, bucket, key *string) error {
	if err != nil && !isPreconditionFailed(err) {
		return err
	}
	if bucket == nil || key == nil {
		return err
	}
	if serr := d.syncPath(filepath.Join(*bucket, *key)); serr != nil {
		return serr
	}
	return err
}

func (d *durable) syncUpload(bucket, key, upload *string) error {
	if bucket == nil || key == nil || upload == nil {
		return nil
	}
	return d.syncPath(filepath.Join(uploadDir(*bucket, *key), *upload))
}

// syncPath syncs a file and every directory from it up to the root. What is gone
// was removed by a later request, and has nothing to sync.
func (d *durable) syncPath(rel string) error {
	for ; rel != "."; rel = filepath.Dir(rel) {
		if err := d.sync(filepath.Join(d.root, rel)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sync %s: %w", rel, err)
		}
	}
	return nil
}

// copyAndSync appends a part to the object being joined. When it fails, the
// gateway copies the part by its own means instead: that must start where this
// one started, and must not hide that data did not reach the disk.
func copyAndSync(from, to *os.File) (retriable bool, err error) {
	start, err := to.Seek(0, io.SeekCurrent)
	if err != nil {
		return true, errors.Join(err, to.Close())
	}
	if _, err := io.Copy(to, from); err != nil {
		_, ferr := from.Seek(0, io.SeekStart)
		if ferr = errors.Join(ferr, to.Truncate(start)); ferr != nil {
			return true, errors.Join(err, ferr, to.Close()) // a closed file fails the request
		}
		return true, err
	}
	if err := to.Sync(); err != nil {
		return true, errors.Join(err, to.Close())
	}
	return true, nil
}

func isPreconditionFailed(err error) bool {
	var api s3err.S3Error
	return errors.As(err, &api) && api.StatusCode() == 412
}
