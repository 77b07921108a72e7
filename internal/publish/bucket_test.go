package publish_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func newBucket() string { return "p" + strings.ToLower(rand.Text()) }

// objects reads a prefix, without the marker, which must be there.
func (p *place) objects(bucket, folder string) map[string]string {
	p.Helper()
	b, err := p.OpenBucket(p.Context(), bucket)
	if err != nil {
		p.Fatal(err)
	}
	list, err := b.FilesUnder(p.Context(), folder)
	if err != nil {
		p.Fatal(err)
	}
	out := map[string]string{}
	for _, o := range list {
		raw, err := b.GetBytes(p.Context(), o.Key)
		if err != nil {
			p.Fatal(err)
		}
		out[strings.TrimPrefix(o.Key, folder+"/")] = string(raw)
	}
	if out[publish.MarkerFile] == "" {
		p.Errorf("%s/%s has no marker", bucket, folder)
	}
	delete(out, publish.MarkerFile)
	return out
}

func TestPublishToABucket(t *testing.T) {
	p := newPlace(t)
	bucket := newBucket()
	to := "s3://" + bucket + "/models/zero"
	in := p.input("r-1", r1.TypeModel, weights("a"), to)
	rec := p.publish(in)
	if bad := differ(p.objects(bucket, "models/zero"), want("r-1", weights("a"))); bad != "" || rec.Already || rec.URL != to {
		t.Errorf("%s: %+v", bad, rec)
	}
	if rec := p.publish(in); !rec.Already {
		t.Error("a second publication was made")
	}
	b, err := p.OpenBucket(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "models/zero/config.json"); err != nil {
		t.Fatal(err)
	}
	p.gone(rec, "config.json")
	if rec := p.publish(in); rec.Already || differ(p.objects(bucket, "models/zero"), want("r-1", weights("a"))) != "" {
		t.Error("it was not mended")
	}
	other := p.input("r-3", r1.TypeModel, map[string]string{"config.json": "other"}, to)
	p.refused(other, "publish-exists")
	other.Replace = true
	p.publish(other)
	if bad := differ(p.objects(bucket, "models/zero"), want("r-3", map[string]string{"config.json": "other"})); bad != "" {
		t.Error(bad)
	}
	p.gone(rec, "something else")
	if err := b.PutBytes(t.Context(), "mine/thesis.tex", []byte("years of work")); err != nil {
		t.Fatal(err)
	}
	foreign := p.input("r-4", r1.TypeModel, weights("a"), "s3://"+bucket+"/mine")
	foreign.Replace = true
	p.refused(foreign, "publish-foreign")
}

// mortal is a bucket whose user dies at a call, before or after it took effect.
type mortal struct {
	publish.Bucket
	calls, at int
	after     bool
}

func (m *mortal) do(call func() error) error {
	if m.calls++; m.calls > m.at+1 || m.calls == m.at+1 && !m.after {
		return errDied
	}
	err := call()
	if m.calls == m.at+1 {
		return errDied
	}
	return err
}

func (m *mortal) PutBytes(ctx context.Context, key string, data []byte) error {
	return m.do(func() error { return m.Bucket.PutBytes(ctx, key, data) })
}

func (m *mortal) Delete(ctx context.Context, key string) error {
	return m.do(func() error { return m.Bucket.Delete(ctx, key) })
}

func (m *mortal) PutJSONIfAbsent(ctx context.Context, key string, v any) (won bool, err error) {
	err = m.do(func() error { won, err = m.Bucket.PutJSONIfAbsent(ctx, key, v); return err })
	return won, err
}

func (m *mortal) PutBytesIfAbsent(ctx context.Context, key string, data []byte) (won bool, err error) {
	err = m.do(func() error { won, err = m.Bucket.PutBytesIfAbsent(ctx, key, data); return err })
	return won, err
}

func (m *mortal) CopyFrom(ctx context.Context, bucket string, e r1.ManifestEntry, key string) error {
	return m.do(func() error { return m.Bucket.CopyFrom(ctx, bucket, e, key) })
}

// Killed at any write, also while another publication is replaced: nobody takes what is not
// whole for whole, others keep off, and the next try ends it.
func TestABucketThatWasNotFinished(t *testing.T) {
	small := map[string]string{"config.json": "new", "tokenizer.json": "{}"}
	before := map[string]string{"config.json": "old", "generation.json": "{}"}
	for _, after := range []bool{false, true} {
		died := 0
		for at := 0; at == died; at++ {
			p := newPlace(t)
			bucket := newBucket()
			to := "s3://" + bucket + "/zero"
			p.publish(p.input("r-0", r1.TypeModel, before, to))
			in := p.input("r-1", r1.TypeModel, small, to)
			in.Replace = true
			open := p.OpenBucket
			p.OpenBucket = func(ctx context.Context, bucket string) (publish.Bucket, error) {
				b, err := open(ctx, bucket)
				return &mortal{Bucket: b, at: at, after: after}, err
			}
			_, err := p.Publish(t.Context(), in)
			p.OpenBucket = open
			if err == nil {
				break
			}
			if died++; !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			b, _ := open(t.Context(), bucket)
			marker, _ := b.GetBytes(t.Context(), "zero/"+publish.MarkerFile)
			_, claimed := b.GetBytes(t.Context(), "zero/.r1ctl-publishing.json")
			if marker != nil && strings.Contains(string(marker), "r-1") {
				if _, err := b.GetBytes(t.Context(), "zero/generation.json"); err == nil {
					t.Errorf("killed at call %d: whole, with a file of what was replaced", at)
				}
			}
			config, _ := b.GetBytes(t.Context(), "zero/config.json")
			_, generation := b.GetBytes(t.Context(), "zero/generation.json")
			if strings.Contains(string(marker), "r-0") && (string(config) != "old" || generation != nil) {
				t.Errorf("killed at call %d: the marker of what was replaced is there, and its files are not", at)
			}
			if claimed == nil {
				p.refused(p.input("r-2", r1.TypeModel, small, to), "publish-busy")
			}
			in.Attempt++
			p.publish(in)
			if bad := differ(p.objects(bucket, "zero"), want("r-1", small)); bad != "" {
				t.Errorf("killed at call %d (after it: %t): %s", at, after, bad)
			}
		}
		if died < 8 {
			t.Errorf("only %d calls were broken", died)
		}
	}
}
