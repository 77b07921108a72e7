package publish_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// interrupted is a bucket in which something happens before a file is written there.
type interrupted struct {
	publish.Bucket
	before string
	happen func()
}

func (b *interrupted) once(key string) {
	if strings.HasSuffix(key, b.before) && b.happen != nil {
		happen := b.happen
		b.happen = nil
		happen()
	}
}

func (b *interrupted) PutBytesIfAbsent(ctx context.Context, key string, data []byte) (bool, error) {
	b.once(key)
	return b.Bucket.PutBytesIfAbsent(ctx, key, data)
}

func (b *interrupted) PutJSONIfAbsent(ctx context.Context, key string, v any) (bool, error) {
	b.once(key)
	return b.Bucket.PutJSONIfAbsent(ctx, key, v)
}

// One that slept while others published takes nothing of theirs away, and ends in an error that
// is tried again.
func TestWhoWasAsleepTakesNothingAway(t *testing.T) {
	for name, before := range map[string]string{"before it claimed": ".r1ctl-publishing.json", "before its marker": publish.MarkerFile} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			bucket := newBucket()
			to := "s3://" + bucket + "/zero"
			slow := p.input("r-1", r1.TypeModel, map[string]string{"config.json": "slow"}, to)
			next := p.input("r-2", r1.TypeModel, map[string]string{"config.json": "next", "generation.json": "{}"}, to)
			next.Replace = true
			open := p.OpenBucket
			p.OpenBucket = func(ctx context.Context, name string) (publish.Bucket, error) {
				b, err := open(ctx, name)
				return &interrupted{Bucket: b, before: before, happen: func() {
					p.OpenBucket = open
					if before == publish.MarkerFile { // its other attempt ends it first
						p.publish(slow)
					}
					p.publish(next)
				}}, err
			}
			_, err := p.Publish(t.Context(), slow)
			if _, named := r1.AsError(err); err == nil || named {
				t.Fatalf("it ended with %v, want an error that passes", err)
			}
			if bad := differ(p.objects(bucket, "zero"), want("r-2", map[string]string{"config.json": "next", "generation.json": "{}"})); bad != "" && before == publish.MarkerFile {
				t.Log(bad) // its copies came first: the next publication wrote over them
			}
			b, err := open(t.Context(), bucket)
			if err != nil {
				t.Fatal(err)
			}
			if raw, err := b.GetBytes(t.Context(), "zero/"+publish.MarkerFile); err != nil || !strings.Contains(string(raw), "r-2") {
				t.Errorf("the marker of who published last is gone: %s, %v", raw, err)
			}
			if raw, err := b.GetBytes(t.Context(), "zero/config.json"); err != nil || string(raw) != "next" {
				t.Errorf("what was published last is %q, %v", raw, err)
			}
			p.refused(slow, "publish-exists")
		})
	}
}

// A job that was stopped and goes on with other parameters takes over what it had begun, and
// leaves nothing of it.
func TestAJobGoesOnWithOtherParameters(t *testing.T) {
	p := newPlace(t)
	bucket := newBucket()
	to := "s3://" + bucket + "/zero"
	in := p.input("r-1", r1.TypeModel, map[string]string{"config.json": "a", "surplus.json": "{}"}, to)
	open := p.OpenBucket
	p.OpenBucket = func(ctx context.Context, bucket string) (publish.Bucket, error) {
		b, err := open(ctx, bucket)
		return &mortal{Bucket: b, at: 4}, err
	}
	if _, err := p.Publish(t.Context(), in); err == nil {
		t.Fatal("it was not stopped")
	}
	p.OpenBucket = open
	again := p.input("r-1-made-anew", r1.TypeModel, map[string]string{"config.json": "b"}, to)
	again.By = in.By
	p.publish(again)
	if bad := differ(p.objects(bucket, "zero"), want("r-1-made-anew", map[string]string{"config.json": "b"})); bad != "" {
		t.Error(bad)
	}
}

// A folder is replaced as a whole: with what people have put or written there it is not.
func TestWhatPeoplePutIntoAPublishedFolderStays(t *testing.T) {
	for name, text := range map[string]string{"notes.md": "mine", "sub/model.gguf": "quantised", "README.md": "better words"} {
		p := newPlace(t)
		to := filepath.Join(t.TempDir(), "zero")
		p.publish(p.input("r-1", r1.TypeModel, weights("a"), to))
		if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.publish(p.input("r-1", r1.TypeModel, weights("a"), to)) // it is there: nothing is done
		for _, in := range []publish.Input{p.input("r-2", r1.TypeModel, weights("a"), to), p.input("r-3", r1.TypeModel, weights("b"), to)} {
			in.Replace = true
			p.refused(in, "publish-foreign")
		}
		if raw, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(raw) != text {
			t.Errorf("%s is %q, %v", name, raw, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(to)); len(left) != 1 {
			t.Errorf("beside it lies %v", left)
		}
	}
}
