package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Object is what S3 says of one object.
type Object struct {
	Key      string
	Size     int64
	ETag     string // opaque: never a digest
	SHA256   string // of the content, where we wrote it; empty in listings
	Modified time.Time
}

// patience bounds a small request with all its retries. It grows with the size
// so that a slow link (100 KB/s) is no error.
func patience(ctx context.Context, size int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Minute+time.Duration(size)*10*time.Microsecond)
}

// Head describes an object, or says r1.ErrNotFound.
func (s *Store) Head(ctx context.Context, key string) (Object, error) {
	if err := CheckKey(key); err != nil {
		return Object{}, err
	}
	ctx, cancel := patience(ctx, 0)
	defer cancel()
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return Object{}, s.wrap("look at", key, err)
	}
	return Object{Key: key, Size: aws.ToInt64(out.ContentLength), ETag: aws.ToString(out.ETag),
		SHA256: out.Metadata[digestMetadata], Modified: aws.ToTime(out.LastModified)}, nil
}

// Exists tells whether there is an object under the key.
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	_, err := s.Head(ctx, key)
	if errors.Is(err, r1.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Get reads an object from an offset, length bytes or to its end when length is
// negative. An offset at or behind the end gives an empty reader. A connection
// that breaks is resumed where it broke, on the same version of the object.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	return s.openObject(ctx, key, offset, length)
}

// GetBytes reads a small object whole.
func (s *Store) GetBytes(ctx context.Context, key string) ([]byte, error) {
	data, _, err := s.getVersion(ctx, key)
	return data, err
}

// getVersion reads a small object with the ETag of what was read.
func (s *Store) getVersion(ctx context.Context, key string) ([]byte, string, error) {
	ctx, cancel := patience(ctx, 0)
	defer cancel()
	r, err := s.openObject(ctx, key, 0, -1)
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, "", err
	}
	return data, r.etag, nil
}

// PutBytes writes a small object, over what was there.
func (s *Store) PutBytes(ctx context.Context, key string, data []byte) error {
	return s.putBytes(ctx, key, data, conditions{})
}

func (s *Store) putBytes(ctx context.Context, key string, data []byte, cond conditions) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	ctx, cancel := patience(ctx, int64(len(data)))
	defer cancel()
	sum := sha256.Sum256(data)
	return s.putOnce(ctx, key, bytes.NewReader(data), digests{size: int64(len(data)), sum: hex.EncodeToString(sum[:])}, cond, nil)
}

// PutFile writes one local file, over what was there. A file that grows
// meanwhile is stored with the size it had at the start.
func (s *Store) PutFile(ctx context.Context, key, file string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sums, err := s.hashFile(ctx, f, info.Size())
	if err != nil {
		return fmt.Errorf("hash %s: %w", file, err)
	}
	return s.putFile(ctx, key, f, sums, nil)
}

// Delete removes an object. One that is not there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	ctx, cancel := patience(ctx, 0)
	defer cancel()
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	if err = s.wrap("delete", key, err); errors.Is(err, r1.ErrNotFound) {
		return nil
	}
	return err
}

// List yields the objects whose keys start with prefix, in key order.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for page, err := range s.pages(ctx, prefix, "") {
			if err != nil {
				yield(Object{}, err)
				return
			}
			for _, o := range page.Contents {
				object := Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size),
					ETag: aws.ToString(o.ETag), Modified: aws.ToTime(o.LastModified)}
				if !yield(object, nil) {
					return
				}
			}
		}
	}
}

// ListPrefixes yields the "folders" directly below prefix, which is empty or
// ends in a slash. Each ends in a slash.
func (s *Store) ListPrefixes(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for page, err := range s.pages(ctx, prefix, "/") {
			if err != nil {
				yield("", err)
				return
			}
			for _, p := range page.CommonPrefixes {
				if !yield(aws.ToString(p.Prefix), nil) {
					return
				}
			}
		}
	}
}

// FilesUnder lists the objects below a folder, given without a slash at its end.
func (s *Store) FilesUnder(ctx context.Context, folder string) ([]Object, error) {
	if err := CheckKey(folder); err != nil {
		return nil, err
	}
	var objects []Object
	for o, err := range s.List(ctx, folder+"/") {
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func (s *Store) pages(ctx context.Context, prefix, delimiter string) iter.Seq2[*s3.ListObjectsV2Output, error] {
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix}
	if delimiter != "" {
		in.Delimiter = &delimiter
	}
	return func(yield func(*s3.ListObjectsV2Output, error) bool) {
		pager := s3.NewListObjectsV2Paginator(s.client, in)
		for pager.HasMorePages() {
			ctx, cancel := patience(ctx, 0)
			page, err := pager.NextPage(ctx)
			cancel()
			if err != nil {
				yield(nil, s.wrap("list", prefix, err))
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// EnsureBucket creates the bucket unless it is there.
func (s *Store) EnsureBucket(ctx context.Context) error {
	ctx, cancel := patience(ctx, 0)
	defer cancel()
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	if err == nil {
		return nil
	}
	if code := codeOf(err); code != "NotFound" && code != "NoSuchBucket" {
		return s.wrap("look at", "", err)
	}
	in := &s3.CreateBucketInput{Bucket: &s.bucket}
	if s.region != defaultRegion {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(s.region)}
	}
	_, err = s.client.CreateBucket(ctx, in)
	if codeOf(err) == "BucketAlreadyOwnedByYou" {
		return nil // created by another process meanwhile
	}
	return s.wrap("create", "", err)
}
