package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxResumes is how often a read is taken up again without a byte of progress.
const maxResumes = 8

// objectReader streams a range of one version of an object. The SDK retries a
// request until its headers are there; this takes up a body that breaks.
type objectReader struct {
	ctx     context.Context
	store   *Store
	key     string
	etag    string
	pos     int64
	end     int64 // first byte not wanted
	size    int64 // of the whole object
	body    io.ReadCloser
	resumes int
}

func (s *Store) openObject(ctx context.Context, key string, offset, length int64) (*objectReader, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("read %s: negative offset %d", key, offset)
	}
	r := &objectReader{ctx: ctx, store: s, key: key, pos: offset, end: -1}
	if length >= 0 {
		r.end = offset + length
	}
	if length == 0 {
		return r, nil
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *objectReader) open() error {
	in := &s3.GetObjectInput{Bucket: &r.store.bucket, Key: &r.key}
	switch {
	case r.end >= 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", r.pos, r.end-1))
	case r.pos > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.pos))
	}
	if r.etag != "" {
		in.IfMatch = &r.etag
	}
	out, err := r.store.client.GetObject(r.ctx, in)
	if statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
		r.end = r.pos // behind the end: nothing to read
		return nil
	}
	if err = r.store.wrap("read", r.key, err); err != nil {
		if errors.Is(err, errLost) {
			return fmt.Errorf("read %s: it was replaced while it was read", r.store.URI(r.key))
		}
		return err
	}
	r.body = out.Body
	r.etag = aws.ToString(out.ETag)
	got := aws.ToInt64(out.ContentLength)
	r.end, r.size = r.pos+got, r.pos+got
	// "bytes 0-9/100"
	if _, total, ok := strings.Cut(aws.ToString(out.ContentRange), "/"); ok {
		if n, err := strconv.ParseInt(total, 10, 64); err == nil {
			r.size = n
		}
	}
	return nil
}

// Read implements io.Reader.
func (r *objectReader) Read(p []byte) (int, error) {
	for {
		if r.end >= 0 && r.pos >= r.end {
			return 0, io.EOF
		}
		n, err := r.body.Read(p)
		r.pos += int64(n)
		if n > 0 {
			r.resumes = 0
			return n, nil // an error comes again with the next read
		}
		if err == nil {
			continue
		}
		if err := r.resume(err); err != nil {
			return 0, err
		}
	}
}

// resume opens the object again behind the last byte that was read.
func (r *objectReader) resume(cause error) error {
	r.resumes++
	if r.ctx.Err() != nil || r.resumes > maxResumes {
		if cause == io.EOF {
			cause = io.ErrUnexpectedEOF
		}
		return r.store.wrap("read", r.key, cause)
	}
	r.body.Close()
	select {
	case <-r.ctx.Done():
		return r.store.wrap("read", r.key, r.ctx.Err())
	case <-time.After(50 * time.Millisecond << r.resumes):
	}
	return r.open()
}

// Close implements io.Closer.
func (r *objectReader) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}
