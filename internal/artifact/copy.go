package artifact

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// CopyFrom has the server copy a file of another bucket, or of this one, to key: its bytes
// do not come here. A copy that is there already is left as it is.
func (s *Store) CopyFrom(ctx context.Context, bucket string, e r1.ManifestEntry, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if there, err := s.holds(ctx, key, e.SHA256, e.Size); err != nil || there {
		return err
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	source := copySource(bucket, e.Key)
	if e.Size > s.copyAbove {
		err = s.copyParts(ctx, source, e, key)
	} else {
		_, err = s.client.CopyObject(ctx, &s3.CopyObjectInput{
			Bucket: &s.bucket, Key: &key, CopySource: &source,
			MetadataDirective: types.MetadataDirectiveReplace, Metadata: map[string]string{digestMetadata: e.SHA256},
		})
		err = s.wrap("copy to", key, err)
	}
	if err != nil {
		return err
	}
	there, err := s.Head(ctx, key)
	if err != nil {
		return fmt.Errorf("verify after copying: %w", err)
	}
	if there.Size != e.Size {
		return corrupt(s.URI(key), e.Path, fmt.Sprintf("%d bytes", e.Size), fmt.Sprintf("%d bytes", there.Size))
	}
	return nil
}

// copySource names an object as S3 wants it in a header.
func copySource(bucket, key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), "+", "%2B") // some servers take + for a space
	}
	return bucket + "/" + strings.Join(parts, "/")
}

// copyParts copies an object that is too large for one call.
func (s *Store) copyParts(ctx context.Context, source string, e r1.ManifestEntry, key string) error {
	if err := s.abortUploads(ctx, key); err != nil {
		return err
	}
	created, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &s.bucket, Key: &key, Metadata: map[string]string{digestMetadata: e.SHA256}})
	if err != nil {
		return s.wrap("begin copying to", key, err)
	}
	done := false
	defer func() {
		if !done {
			s.abort(context.WithoutCancel(ctx), key, created.UploadId)
		}
	}()
	size := max(s.partSize, (e.Size+maxParts-1)/maxParts)
	parts := make([]types.CompletedPart, (e.Size+size-1)/size)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(partsAtOnce)
	for i := range parts {
		g.Go(func() error {
			number, from := int32(i+1), int64(i)*size //nolint:gosec // at most maxParts
			span := fmt.Sprintf("bytes=%d-%d", from, min(from+size, e.Size)-1)
			out, err := s.client.UploadPartCopy(gctx, &s3.UploadPartCopyInput{
				Bucket: &s.bucket, Key: &key, UploadId: created.UploadId, PartNumber: &number, CopySource: &source, CopySourceRange: &span,
			})
			if err != nil {
				return s.wrap(fmt.Sprintf("copy part %d to", number), key, err)
			}
			parts[i] = types.CompletedPart{PartNumber: &number, ETag: out.CopyPartResult.ETag}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err = s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.bucket, Key: &key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		if there, holdErr := s.holds(ctx, key, e.SHA256, e.Size); holdErr == nil && there {
			done = true // the answer was lost
			return nil
		}
		return s.wrap("finish copying to", key, err)
	}
	done = true
	return nil
}
