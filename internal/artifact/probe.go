package artifact

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Probe checks, with objects of its own below _probe/, that the server keeps
// the promises the store is built on: conditional writes of which one wins,
// compare-and-swap, refusal of bodies that are not what was signed, ranges, and
// listings that show what was just written.
func (s *Store) Probe(ctx context.Context) (err error) {
	prefix := "_probe/" + rand.Text()
	defer func() {
		for _, name := range []string{"absent", "race", "swap", "digest"} {
			if cleanErr := s.Delete(context.WithoutCancel(ctx), prefix+"/"+name); err == nil {
				err = cleanErr
			}
		}
	}()
	for _, check := range []func(context.Context, string) error{
		s.probeAbsent, s.probeRace, s.probeSwap, s.probeDigest,
	} {
		if err := check(ctx, prefix); err != nil {
			return err
		}
	}
	return nil
}

func notConditional(detail string) error {
	return &r1.Error{Name: "s3-not-conditional", Detail: "the S3 server does not honour conditional writes: " + detail,
		Remedy: "use a server that does (AWS S3, a current MinIO, Ceph or R2, or the embedded one): two attempts of a job could both commit"}
}

func notConforming(detail string) error {
	return &r1.Error{Name: "s3-not-conforming", Detail: "the S3 server does not behave as S3: " + detail,
		Remedy: "use another server or a newer version of this one"}
}

func (s *Store) probeAbsent(ctx context.Context, prefix string) error {
	key := prefix + "/absent"
	if err := s.putBytes(ctx, key, []byte("0123456789"), conditions{absent: true}); err != nil {
		if statusOf(err) != http.StatusNotImplemented {
			return err
		}
		return notConditional(err.Error())
	}
	if err := s.putBytes(ctx, key, []byte("other"), conditions{absent: true}); err == nil {
		return notConditional("If-None-Match overwrote an object")
	} else if !errors.Is(err, errLost) {
		return err
	}
	r, err := s.Get(ctx, key, 3, 4)
	if err != nil {
		return err
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil {
		return err
	} else if string(got) != "3456" {
		return notConforming(fmt.Sprintf("bytes 3-6 of 0123456789 were %q", got))
	}
	listed, err := s.FilesUnder(ctx, prefix)
	if err != nil {
		return err
	}
	if len(listed) != 1 || listed[0].Key != key || listed[0].Size != 10 {
		return notConforming("a listing did not show the object that was just written")
	}
	return nil
}

func (s *Store) probeRace(ctx context.Context, prefix string) error {
	var winners atomic.Int32
	g, gctx := errgroup.WithContext(ctx)
	for i := range 8 {
		g.Go(func() error {
			won, err := s.PutJSONIfAbsent(gctx, prefix+"/race", i)
			if won {
				winners.Add(1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if n := winners.Load(); n != 1 {
		return notConditional(fmt.Sprintf("%d of 8 racing writers won", n))
	}
	return nil
}

func (s *Store) probeSwap(ctx context.Context, prefix string) error {
	key := prefix + "/swap"
	if err := s.PutBytes(ctx, key, []byte("first")); err != nil {
		return err
	}
	_, etag, err := s.getVersion(ctx, key)
	if err != nil {
		return err
	}
	if err := s.putBytes(ctx, key, []byte("second"), conditions{etag: etag}); err != nil {
		return notConditional("If-Match with the right ETag failed: " + err.Error())
	}
	if err := s.putBytes(ctx, key, []byte("third"), conditions{etag: etag}); err == nil {
		return notConditional("If-Match with an old ETag overwrote an object")
	} else if !errors.Is(err, errLost) {
		return err
	}
	got, err := s.GetBytes(ctx, key)
	if err == nil && string(got) != "second" {
		return notConforming("a read did not show what was last written")
	}
	return err
}

func (s *Store) probeDigest(ctx context.Context, prefix string) error {
	const ofOtherBytes = "0000000000000000000000000000000000000000000000000000000000000000"
	body := []byte("signed as something else")
	err := s.putOnce(ctx, prefix+"/digest", bytes.NewReader(body), digests{size: int64(len(body)), sum: ofOtherBytes}, conditions{}, nil)
	if err == nil {
		return notConforming("it accepted a body that does not have the signed sha256")
	}
	if !isWrongDigest(err) {
		return err
	}
	return nil
}
