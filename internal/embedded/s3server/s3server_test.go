package s3server

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3response"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

const bucket = "r1ctl"

// fixture is the gateway without its HTTP side, on a directory of its own.
type fixture struct {
	*durable
	t    *testing.T
	root string

	mu     sync.Mutex
	synced []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	gateway, err := openGateway(root) // changes the working directory
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		gateway.Shutdown()
		if err := os.Chdir(cwd); err != nil {
			t.Error(err)
		}
	})
	if err := makeBucket(t.Context(), gateway, root, bucket, "owner"); err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, root: root}
	f.durable = &durable{Posix: gateway, root: root, sync: func(path string) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		rel, err := filepath.Rel(root, path)
		f.synced = append(f.synced, rel)
		if err != nil {
			return err
		}
		return statedir.SyncPath(path)
	}}
	return f
}

func (f *fixture) put(key, body string, absent bool) error {
	b, n, star := bucket, int64(len(body)), "*"
	in := s3response.PutObjectInput{Bucket: &b, Key: &key, Body: strings.NewReader(body), ContentLength: &n}
	if absent {
		in.IfNoneMatch = &star
	}
	_, err := f.PutObject(f.t.Context(), in)
	return err
}

// upload starts a multipart upload with the given parts, not yet completed.
func (f *fixture) upload(key string, parts ...[]byte) (string, []types.CompletedPart) {
	f.t.Helper()
	b := bucket
	up, err := f.CreateMultipartUpload(f.t.Context(), s3response.CreateMultipartUploadInput{Bucket: &b, Key: &key})
	if err != nil {
		f.t.Fatal(err)
	}
	var done []types.CompletedPart
	for i, body := range parts {
		n, size := int32(i+1), int64(len(body))
		out, err := f.UploadPart(f.t.Context(), &s3.UploadPartInput{
			Bucket: &b, Key: &key, UploadId: &up.UploadId, PartNumber: &n, ContentLength: &size, Body: bytes.NewReader(body),
		})
		if err != nil {
			f.t.Fatal(err)
		}
		done = append(done, types.CompletedPart{PartNumber: &n, ETag: out.ETag})
	}
	return up.UploadId, done
}

func (f *fixture) complete(key, id string, parts []types.CompletedPart) error {
	b := bucket
	_, _, err := f.CompleteMultipartUpload(f.t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &b, Key: &key, UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

func (f *fixture) content(key string) []byte {
	f.t.Helper()
	raw, err := os.ReadFile(filepath.Join(f.root, bucket, key))
	if err != nil {
		f.t.Fatal(err)
	}
	return raw
}

// crashWhileJoining leaves an upload as a server does that is killed in the middle of completing it.
func (f *fixture) crashWhileJoining(key, id string) {
	f.t.Helper()
	dir := filepath.Join(f.root, uploadDir(bucket, key), id)
	if err := os.Rename(dir, dir+".0123456789abcdef-2"+claimedSuffix); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) wantSynced(paths ...string) {
	f.t.Helper()
	for _, p := range paths {
		if !slices.Contains(f.synced, p) {
			f.t.Errorf("%s was not synced, only %q", p, f.synced)
		}
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

const partSize = 5 << 20 // the least that the gateway takes for all but the last part

func TestAnsweredWritesAreOnDisk(t *testing.T) {
	t.Run("put", func(t *testing.T) {
		f := newFixture(t)
		if err := f.put("run/stage/commit.json", "{}", false); err != nil {
			t.Fatal(err)
		}
		f.wantSynced("r1ctl/run/stage/commit.json", "r1ctl/run/stage", "r1ctl/run", "r1ctl")
	})
	t.Run("a lost condition", func(t *testing.T) {
		f := newFixture(t)
		if err := f.put("run/commit.json", "first", true); err != nil {
			t.Fatal(err)
		}
		f.synced = nil
		if err := f.put("run/commit.json", "second", true); !isPreconditionFailed(err) {
			t.Fatalf("got %v", err)
		}
		f.wantSynced("r1ctl/run/commit.json", "r1ctl/run")
		if got := f.content("run/commit.json"); string(got) != "first" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("copy", func(t *testing.T) {
		f := newFixture(t)
		if err := f.put("a/x", "body", false); err != nil {
			t.Fatal(err)
		}
		b, key, source, owner := bucket, "b/y", bucket+"/a/x", "owner"
		if _, err := f.CopyObject(t.Context(), s3response.CopyObjectInput{Bucket: &b, Key: &key, CopySource: &source, ExpectedBucketOwner: &owner}); err != nil {
			t.Fatal(err)
		}
		f.wantSynced("r1ctl/b/y", "r1ctl/b")
		if got := f.content(key); string(got) != "body" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("multipart", func(t *testing.T) {
		f := newFixture(t)
		one, two := randomBytes(partSize), randomBytes(100)
		id, parts := f.upload("run/model.safetensors", one, two)
		f.wantSynced(filepath.Join(uploadDir(bucket, "run/model.safetensors"), id), uploadDir(bucket, "run/model.safetensors"))
		f.synced = nil
		if err := f.complete("run/model.safetensors", id, parts); err != nil {
			t.Fatal(err)
		}
		f.wantSynced("r1ctl/run/model.safetensors", "r1ctl/run", "r1ctl")
		if got := f.content("run/model.safetensors"); !bytes.Equal(got, append(one, two...)) {
			t.Error("other bytes")
		}
	})
	t.Run("a failed sync is a failed write", func(t *testing.T) {
		f := newFixture(t)
		f.sync = func(string) error { return io.ErrShortWrite }
		if err := f.put("x", "body", false); err == nil {
			t.Error("answered well")
		}
	})
}

func TestCopyAndSyncFailsLoudly(t *testing.T) {
	write := func(name string) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	to, from := write("to"), write("from")
	if _, err := to.WriteString("part one"); err != nil {
		t.Fatal(err)
	}
	from.Close() // reading it fails
	if _, err := copyAndSync(from, to); err == nil {
		t.Fatal("no error")
	}
	if info, err := os.Stat(to.Name()); err != nil || info.Size() != int64(len("part one")) {
		t.Errorf("half a part is left: %v, %v", info.Size(), err)
	}
}

func TestUploadCutOffWhileJoinedCanBeCompletedAgain(t *testing.T) {
	f := newFixture(t)
	one, two := randomBytes(partSize), randomBytes(7)
	id, parts := f.upload("run/big", one, two)
	f.crashWhileJoining("run/big", id)
	if err := recoverUploads(f.root, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := f.complete("run/big", id, parts); err != nil {
		t.Fatal(err)
	}
	if got := f.content("run/big"); !bytes.Equal(got, append(one, two...)) {
		t.Error("other bytes")
	}
}

func TestUploadCutOffAfterItsObjectAppearedIsOnlyCleanedUp(t *testing.T) {
	f := newFixture(t)
	one, two := randomBytes(partSize), randomBytes(7)
	id, parts := f.upload("run/big", one, two)
	dir := filepath.Join(f.root, uploadDir(bucket, "run/big"), id)
	if err := os.CopyFS(dir+"-copy", os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	keeper, _ := f.upload("run/big", one) // keeps the folder of the key, and must itself survive
	if err := f.complete("run/big", id, parts); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"-copy", dir); err != nil {
		t.Fatal(err)
	}
	f.crashWhileJoining("run/big", id)
	if err := recoverUploads(f.root, time.Hour); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(left) != 1 || left[0].Name() != keeper {
		t.Errorf("left %v, %v", left, err)
	}
	if err := f.complete("run/big", id, parts); err != nil { // the client that never got its answer
		t.Errorf("completed again: %v", err)
	}
}

func TestOnlyStaleUploadsAndTemporaryFilesAreRemoved(t *testing.T) {
	f := newFixture(t)
	old, _ := f.upload("old", []byte("x"))
	fresh, _ := f.upload("fresh", []byte("x"))
	if err := f.put("object", "body", false); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(f.root, uploadDir(bucket, "old"), old), past, past); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(f.root, bucket, posix.MetaTmpDir, fmt.Sprintf("%064x.123", 7))
	if err := os.WriteFile(cut, []byte("half a body"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := recoverUploads(f.root, time.Hour); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		filepath.Join(f.root, uploadDir(bucket, "old")):          false,
		filepath.Join(f.root, uploadDir(bucket, "fresh"), fresh): true,
		filepath.Join(f.root, bucket, "object"):                  true,
		cut:                                                      false,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", path, err == nil, want)
		}
	}
}

func TestFilesystemHasAttributes(t *testing.T) {
	dir := t.TempDir()
	if err := CheckFilesystem(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := CheckFilesystem(filepath.Join(dir, "missing")); err == nil {
		t.Error("a directory that does not exist passes")
	}
}
