package agent

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/launch/local"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func signalContext(sig ...os.Signal) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), sig...)
}

// agentProcess is the agent as the local launcher starts it, or alone.
func agentProcess(args []string) int { return local.Main(func() int { return agentMain(args) }) }

func uploadOf(prefix string) artifact.UploadOptions {
	return artifact.UploadOptions{Name: "base.model", Type: r1.TypeModel, Prefix: prefix}
}

// readable makes the fake store a stream.Source.
type readable struct{ fakeStore }

func (r readable) Get(_ context.Context, key string, offset, _ int64) (io.ReadCloser, error) {
	raw, err := r.get(key)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(strings.NewReader(string(raw[min(offset, int64(len(raw))):]))), nil
}

func (b *bench) launcher() *local.Launcher {
	b.t.Helper()
	l, err := local.New(local.Config{Root: b.t.TempDir(), Command: append([]string{os.Args[0]}, b.agentArgs()[:2]...)})
	b.must(err)
	return l
}

func (b *bench) submit(l *local.Launcher) r1.Handle {
	b.t.Helper()
	b.must(b.store.PutJSON(b.t.Context(), b.cfg.SpecKey, b.spec))
	h, err := l.Submit(b.t.Context(), r1.Launch{Key: b.spec.Key, Bucket: "b", SpecKey: b.cfg.SpecKey})
	b.must(err)
	return h
}

func (b *bench) awaitEnd(l *local.Launcher, h r1.Handle) (st r1.Status) {
	b.t.Helper()
	b.until("the attempt's end", func() bool {
		var err error
		st, err = l.Status(b.t.Context(), h)
		b.must(err)
		return st.State == r1.StateEnded
	})
	return st
}

func TestUnderTheLocalLauncher(t *testing.T) {
	b := newBench(t, "succeeds")
	l := b.launcher()
	if st := b.awaitEnd(l, b.submit(l)); st.Outcome != r1.Succeeded {
		t.Errorf("status %+v", st)
	}
	var res r1.Result
	b.must(b.store.GetJSON(t.Context(), path.Join(b.prefix(), r1.ResultFile), &res))
	want(t, res, r1.Succeeded, "", "")
}

func TestStopUnderTheLocalLauncher(t *testing.T) {
	b := newBench(t, "saves when asked")
	l := b.launcher()
	h := b.submit(l)
	b.awaitReady()
	b.must(l.Stop(t.Context(), h, 20e9))
	if st := b.awaitEnd(l, h); st.Outcome != r1.Stopped || st.ExitCode != 143 {
		t.Errorf("status %+v, want stopped with 143", st)
	}
	var res r1.Result
	b.must(b.store.GetJSON(t.Context(), path.Join(b.prefix(), r1.ResultFile), &res))
	if res.Checkpoint == nil || res.Checkpoint.Step != 2 {
		t.Errorf("checkpoint %+v, want the one saved when asked", res.Checkpoint)
	}
}

// Whoever is killed, nothing of the attempt is left when it counts as ended.
func TestKilledAgentLeavesNoOrphan(t *testing.T) {
	b := newBench(t, "has a child")
	l := b.launcher()
	h := b.submit(l)
	b.awaitReady()
	b.until("the trainer's pid", func() bool { return b.heartbeat().PID > 0 })
	trainer := b.heartbeat().PID
	raw, err := os.ReadFile(filepath.Join(b.gate, "child"))
	b.must(err)
	grandchild, err := strconv.Atoi(string(raw))
	b.must(err)
	agents := parentOf(t, trainer)
	b.must(syscall.Kill(agents, syscall.SIGKILL))
	if st := b.awaitEnd(l, h); st.Outcome != r1.Failed || !strings.Contains(st.Reason, "infrastructure") {
		t.Errorf("status %+v", st)
	}
	if alive(trainer) || alive(grandchild) {
		t.Errorf("alive after the end: trainer %t, its child %t", alive(trainer), alive(grandchild))
	}
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	parent, err := strconv.Atoi(strings.Fields(rest)[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}
