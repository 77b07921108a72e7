package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/errgroup"
)

const (
	// digestMetadata is the user metadata that holds an object's sha256.
	digestMetadata = "sha256"
	// partsAtOnce is how many parts or ranges of one file move at a time.
	partsAtOnce = 8
)

// conditions of a write: the zero value overwrites.
type conditions struct {
	absent bool   // only when there is no object
	etag   string // only over this version
}

// digests of a local file: of all of it, and of its parts where it is so large
// that it goes up in parts.
type digests struct {
	size     int64
	sum      string
	partSize int64 // 0: one PUT
	parts    []string
	crc32c   string // of all of it, as S3 writes it; empty: the request is signed with sum
}

// crc32cAbove is the size from which the embedded server checks the bytes of a request by
// CRC-32C, which the processor has, in place of sha256. It guards what goes over the loopback;
// whoever reads checks the sha256.
const crc32cAbove = 1 << 20

// unsigned is the digest of a body that is not signed.
const unsigned = "UNSIGNED-PAYLOAD"

// hashFile reads the first size bytes once, and makes every digest that is needed.
func (s *Store) hashFile(ctx context.Context, r io.ReaderAt, size int64) (digests, error) {
	d := digests{size: size}
	if size > s.multipartAbove {
		d.partSize = max(s.partSize, (size+maxParts-1)/maxParts)
	}
	buf := s.buffers.Get().(*[bufferSize]byte)
	defer s.buffers.Put(buf)
	whole := sha256.New()
	castagnoli, crc := crc32.MakeTable(crc32.Castagnoli), uint32(0)
	fast := s.embedded && d.partSize == 0 && size > crc32cAbove
	var part hash.Hash
	for pos := int64(0); pos < size; {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		n := min(int64(len(buf)), size-pos)
		if d.partSize > 0 {
			if pos%d.partSize == 0 {
				part = sha256.New()
			}
			n = min(n, d.partSize-pos%d.partSize)
		}
		if m, err := r.ReadAt(buf[:n], pos); int64(m) < n {
			return d, fmt.Errorf("read at %d: %w", pos, err)
		}
		whole.Write(buf[:n])
		if fast {
			crc = crc32.Update(crc, castagnoli, buf[:n])
		}
		pos += n
		if d.partSize > 0 {
			part.Write(buf[:n])
			if pos%d.partSize == 0 || pos == size {
				d.parts = append(d.parts, hex.EncodeToString(part.Sum(nil)))
			}
		}
	}
	d.sum = hex.EncodeToString(whole.Sum(nil))
	if fast {
		d.crc32c = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc))
	}
	return d, nil
}

// putFile stores the bytes that were hashed, and no others: the server checks
// each request's body against a digest that the request has.
func (s *Store) putFile(ctx context.Context, key string, r io.ReaderAt, d digests, m *meter) error {
	if d.partSize > 0 {
		return s.putParts(ctx, key, r, d, m)
	}
	return s.putOnce(ctx, key, r, d, conditions{}, m)
}

func (s *Store) putOnce(ctx context.Context, key string, r io.ReaderAt, d digests, cond conditions, m *meter) error {
	in := &s3.PutObjectInput{
		Bucket:        &s.bucket,
		Key:           &key,
		Body:          newSection(r, 0, d.size, m),
		ContentLength: &d.size,
		Metadata:      map[string]string{digestMetadata: d.sum},
	}
	signed := d.sum
	if d.crc32c != "" {
		in.ChecksumCRC32C, signed = &d.crc32c, unsigned
	}
	if strings.HasSuffix(key, ".json") {
		in.ContentType = aws.String("application/json")
	}
	if cond.absent {
		in.IfNoneMatch = aws.String("*")
	}
	if cond.etag != "" {
		in.IfMatch = &cond.etag
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	_, err = s.client.PutObject(ctx, in, signedDigest(signed))
	return s.wrap("write", key, err)
}

func (s *Store) putParts(ctx context.Context, key string, r io.ReaderAt, d digests, m *meter) (err error) {
	if err := s.abortUploads(ctx, key); err != nil {
		return err
	}
	created, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.bucket, Key: &key, Metadata: map[string]string{digestMetadata: d.sum}})
	if err != nil {
		return s.wrap("start writing", key, err)
	}
	defer func() {
		if err == nil {
			return
		}
		// Best effort: what stays behind is aborted by the next upload of the key.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		s.abort(ctx, key, created.UploadId)
	}()
	parts := make([]types.CompletedPart, len(d.parts))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(partsAtOnce)
	for i, sum := range d.parts {
		g.Go(func() error {
			release, err := s.acquire(gctx)
			if err != nil {
				return err
			}
			defer release()
			offset := int64(i) * d.partSize
			size := min(d.partSize, d.size-offset)
			number := int32(i + 1)
			out, err := s.client.UploadPart(gctx, &s3.UploadPartInput{
				Bucket: &s.bucket, Key: &key, UploadId: created.UploadId, PartNumber: &number,
				Body: newSection(r, offset, size, m), ContentLength: &size,
			}, signedDigest(sum))
			if err != nil {
				return s.wrap(fmt.Sprintf("write part %d of", number), key, err)
			}
			parts[i] = types.CompletedPart{PartNumber: &number, ETag: out.ETag}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, completeErr := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.bucket, Key: &key, UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	// The reply proves nothing in either direction: it may be lost after success,
	// and servers have answered 200 for an object they do not have. Look.
	there, err := s.Head(ctx, key)
	if err == nil && there.Size == d.size && there.SHA256 == d.sum {
		return nil
	}
	if completeErr != nil {
		return s.wrap("finish writing", key, completeErr)
	}
	if err != nil {
		return fmt.Errorf("verify after writing: %w", err)
	}
	return fmt.Errorf("verify after writing %s: it has %d bytes, expected %d", s.URI(key), there.Size, d.size)
}

// abortUploads ends what an earlier, killed upload of the same key left behind.
func (s *Store) abortUploads(ctx context.Context, key string) error {
	ctx, cancel := patience(ctx, 0)
	defer cancel()
	out, err := s.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: &key})
	if err != nil {
		return s.wrap("look for unfinished uploads of", key, err)
	}
	for _, u := range out.Uploads {
		if aws.ToString(u.Key) == key {
			s.abort(ctx, key, u.UploadId)
		}
	}
	return nil
}

// abort drops an unfinished upload. A failure costs storage until the bucket's
// own clean-up, and nothing else, so it is not reported.
func (s *Store) abort(ctx context.Context, key string, id *string) {
	_, _ = s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &key, UploadId: id})
}

// acquire takes one of the store's slots for a data request.
func (s *Store) acquire(ctx context.Context) (release func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// signedDigest signs a request with a body digest that is already known. The
// SDK would read the body once more, or over TLS leave it unsigned.
func signedDigest(sum string) func(*s3.Options) {
	return s3.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("SignedDigest", func(
			ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
		) (middleware.FinalizeOutput, middleware.Metadata, error) {
			return next.HandleFinalize(v4.SetPayloadHash(ctx, sum), in)
		}), middleware.Before)
	})
}

// isWrongDigest tells whether the server found other bytes than were signed.
func isWrongDigest(err error) bool {
	code := codeOf(err)
	return code == "XAmzContentSHA256Mismatch" || code == "BadDigest"
}

// section is a part of a file as a request body. It counts each byte once, also
// when a retry reads it again.
type section struct {
	*io.SectionReader
	meter *meter
	high  int64
}

func newSection(r io.ReaderAt, offset, size int64, m *meter) *section {
	return &section{SectionReader: io.NewSectionReader(r, offset, size), meter: m}
}

// Read implements io.Reader.
func (s *section) Read(p []byte) (int, error) {
	n, err := s.SectionReader.Read(p)
	if pos, seekErr := s.Seek(0, io.SeekCurrent); seekErr == nil && pos > s.high {
		s.meter.add(pos - s.high)
		s.high = pos
	}
	return n, err
}

// meter reports progress, not more often than every MiB. A nil meter is silent.
type meter struct {
	mu     sync.Mutex
	done   int64
	shown  int64
	total  int64
	report func(done, total int64)
}

func newMeter(total int64, report func(done, total int64)) *meter {
	if report == nil {
		return nil
	}
	return &meter{total: total, report: report}
}

func (m *meter) add(n int64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	if m.done-m.shown >= 1<<20 || m.done >= m.total {
		m.shown = m.done
		m.report(m.done, m.total)
	}
}
