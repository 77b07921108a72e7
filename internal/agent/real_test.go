package agent

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify"
)

// realVerifier is the verifier service itself, at the address that an agent gives it when
// it starts it again. It notes its pid in its working folder.
func realVerifier() int {
	listen := ""
	if i := slices.Index(os.Args, "--listen"); i > 0 {
		listen = os.Args[i+1]
	}
	err := os.WriteFile("verifier.pid", []byte(strconv.Itoa(os.Getpid())), 0o600)
	if err == nil {
		err = verify.Serve(context.Background(), verify.Config{Listen: listen, AnnounceTo: os.Stdout, Parent: os.Stdin})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Two attempts of a job over real S3 with the real verifier: the first is
// preempted, the second resumes from its checkpoint and succeeds.
func TestOverRealS3(t *testing.T) {
	b := newBench(t, "saves when asked")
	store := storetest.New(t)
	b.cfg.Store, b.cfg.CacheDir = store, t.TempDir()
	b.cfg.Verifier = []string{os.Args[0], "real-verifier", "-"}
	ctx := t.Context()
	attempt := func(ctx context.Context, b *bench) <-chan r1.Result {
		b.must(store.PutJSON(t.Context(), b.cfg.SpecKey, b.spec))
		done := make(chan r1.Result, 1)
		go func() {
			res, err := Run(ctx, b.cfg)
			if err != nil {
				t.Error(err)
			}
			done <- res
		}()
		return done
	}

	stopping, sigterm := context.WithCancel(ctx)
	done := attempt(stopping, b)
	b.awaitReady()
	sigterm()
	first := <-done
	want(t, first, r1.Preempted, r1.ClassPreempted, "preempted")

	next := newNext(b, "asks the verifier")
	next.spec.Verifier, next.spec.Resume = true, first.Checkpoint
	second := <-attempt(ctx, next)
	want(t, second, r1.Succeeded, "", "")
	if got := second.Outputs["model"].Prefix; got != "tiny/tiny-0102-abcd/zero/model.attempt-2" {
		t.Errorf("the second attempt's output lies at %s", got)
	}
	m, err := store.Manifest(ctx, second.Outputs["samples"])
	b.must(err)
	if m.Producer != next.spec.Key {
		t.Errorf("manifest %+v", m)
	}
	var log bytes.Buffer
	if _, err := stream.Read(ctx, store, path.Join(next.prefix(), r1.LogDir), 0, &log); err != nil || !strings.Contains(log.String(), "the verifier says 200") {
		t.Errorf("log %q, %v", &log, err)
	}
	var stored r1.Result
	b.must(store.GetJSON(ctx, path.Join(next.prefix(), r1.ResultFile), &stored))
	want(t, stored, r1.Succeeded, "", "")
}

// Somebody replaced a file of a stored checkpoint: its digest gives it away, and
// nothing is trained on it.
func TestDamagedCheckpointIsNeverResumed(t *testing.T) {
	b := newBench(t, "succeeds")
	store := storetest.New(t)
	b.cfg.Store = store
	ctx := t.Context()
	b.resumable()
	b.must(store.PutBytes(ctx, "earlier/weights.bin", bytes.Repeat([]byte{9}, 1000)))
	b.must(store.PutJSON(ctx, b.cfg.SpecKey, b.spec))
	res, err := Run(ctx, b.cfg)
	b.must(err)
	want(t, res, r1.Failed, r1.ClassInfrastructure, r1.CheckpointUnusable)
	if !strings.Contains(res.Error, "weights.bin") {
		t.Errorf("error %q does not name the file", res.Error)
	}
}
