package launchtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func success(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{}))
	st := await(t, s.ctx, l, h, r1.StateEnded)
	wantOutcome(t, st, r1.Succeeded)
	if st.ExitCode != 0 || st.Started.IsZero() || st.Ended.Before(st.Started) || st.Host == "" {
		t.Errorf("status is incomplete: %+v", st)
	}
	s.wantStarts(t, 1)
}

func exitCode(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{Exit: 3}))
	st := await(t, s.ctx, l, h, r1.StateEnded)
	wantOutcome(t, st, r1.Failed)
	if st.ExitCode != 3 {
		t.Errorf("exit code %d, want 3", st.ExitCode)
	}
}

func submitAgain(t *testing.T, s *stage) {
	l := s.f.Open(t)
	a := s.launch(t, Script{Hold: true})
	h := s.submit(t, l, a)
	s.awaitStart(t)
	again := s.submit(t, l, a)
	if again.Key != h.Key || string(again.State) != string(h.State) {
		t.Errorf("second handle %+v, first %+v", again, h)
	}
	await(t, s.ctx, l, again, r1.StateRunning)
	s.wantStarts(t, 1)
}

func submitAtOnce(t *testing.T, s *stage) {
	launchers := []r1.Launcher{s.f.Open(t), s.f.Open(t)}
	a := s.launch(t, Script{Hold: true})
	errs := make([]error, 8)
	inParallel(len(errs), func(i int) { _, errs[i] = launchers[i%2].Submit(s.ctx, a) })
	must(t, errors.Join(errs...))
	h, err := launchers[0].Find(s.ctx, a.Key)
	must(t, err)
	s.awaitStart(t)
	must(t, launchers[0].Stop(s.ctx, h, s.f.Patience))
	await(t, s.ctx, launchers[0], h, r1.StateEnded)
	s.wantStarts(t, 1)
}

func submitAfterEnd(t *testing.T, s *stage) {
	l := s.f.Open(t)
	a := s.launch(t, Script{Exit: 3})
	await(t, s.ctx, l, s.submit(t, l, a), r1.StateEnded)
	h := s.submit(t, l, a)
	if st := await(t, s.ctx, l, h, r1.StateEnded); st.ExitCode != 3 {
		t.Errorf("status %+v, want that of the first process", st)
	}
	s.wantStarts(t, 1)
}

// submitCutOff: Submit was given up at some moment (a deadline, a lost reply),
// which leaves open whether the attempt exists. Asking again makes it whole.
func submitCutOff(t *testing.T, s *stage) {
	a := s.launch(t, Script{Hold: true})
	for _, after := range []time.Duration{0, time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(s.ctx, after)
		_, _ = s.f.Open(t).Submit(ctx, a) // any answer is right but a second process
		cancel()
	}
	l := s.f.Open(t)
	h := s.submit(t, l, a)
	s.awaitStart(t)
	await(t, s.ctx, l, h, r1.StateRunning)
	s.wantStarts(t, 1)
}

// submitFromProcesses: workers that know nothing of each other race for a key.
func submitFromProcesses(t *testing.T, s *stage) {
	a := s.launch(t, Script{Hold: true})
	var racers []*exec.Cmd
	for range 4 {
		racers = append(racers, s.other(t, order{Launch: a, Await: filepath.Join(s.dir, "go")}))
	}
	must(t, os.WriteFile(filepath.Join(s.dir, "go"), nil, 0o600))
	for _, r := range racers {
		must(t, r.Wait())
	}
	l := s.f.Open(t)
	h, err := l.Find(s.ctx, a.Key)
	must(t, err)
	s.awaitStart(t)
	await(t, s.ctx, l, h, r1.StateRunning)
	s.wantStarts(t, 1)
}

// crashAfterSubmit: the worker died after Submit and before it could record
// the handle. The next worker knows the key only, and submits it.
func crashAfterSubmit(t *testing.T, s *stage) {
	a := s.launch(t, Script{Hold: true})
	if err := s.other(t, order{Launch: a, Crash: true}).Wait(); err == nil {
		t.Fatal("the first worker did not crash")
	}
	next := s.f.Open(t)
	h := s.submit(t, next, a)
	s.awaitStart(t)
	await(t, s.ctx, next, h, r1.StateRunning)
	s.wantStarts(t, 1)
}

func adopt(t *testing.T, s *stage) {
	a := s.launch(t, Script{Hold: true})
	s.submit(t, s.f.Open(t), a)
	s.awaitStart(t)
	next := s.f.Open(t)
	h, err := next.Find(s.ctx, a.Key)
	must(t, err)
	await(t, s.ctx, next, h, r1.StateRunning)
	must(t, next.Stop(s.ctx, h, s.f.Patience))
	wantOutcome(t, await(t, s.ctx, next, h, r1.StateEnded), r1.Stopped)
}

func stop(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{Hold: true}))
	s.awaitStart(t)
	must(t, l.Stop(s.ctx, h, s.f.Patience))
	st := await(t, s.ctx, l, h, r1.StateEnded)
	wantOutcome(t, st, r1.Stopped)
	if st.ExitCode != 143 {
		t.Errorf("exit code %d, want the program's own 143: it had time", st.ExitCode)
	}
}

func stopDeaf(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{Deaf: true}))
	s.awaitStart(t)
	must(t, l.Stop(s.ctx, h, 50*time.Millisecond))
	wantOutcome(t, await(t, s.ctx, l, h, r1.StateEnded), r1.Stopped)
}

// stopSooner: another launcher is asked again, with less time.
func stopSooner(t *testing.T, s *stage) {
	a := s.launch(t, Script{Deaf: true})
	first := s.f.Open(t)
	h := s.submit(t, first, a)
	s.awaitStart(t)
	must(t, first.Stop(s.ctx, h, time.Hour))
	next := s.f.Open(t)
	must(t, next.Stop(s.ctx, h, 0))
	wantOutcome(t, await(t, s.ctx, next, h, r1.StateEnded), r1.Stopped)
}

func stopTwice(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{Hold: true}))
	s.awaitStart(t)
	must(t, l.Stop(s.ctx, h, s.f.Patience))
	must(t, l.Stop(s.ctx, h, s.f.Patience))
	wantOutcome(t, await(t, s.ctx, l, h, r1.StateEnded), r1.Stopped)
	must(t, l.Stop(s.ctx, h, s.f.Patience))
}

func stopAfterEnd(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{}))
	before := await(t, s.ctx, l, h, r1.StateEnded)
	must(t, l.Stop(s.ctx, h, 0))
	if after := await(t, s.ctx, l, h, r1.StateEnded); after != before {
		t.Errorf("status was %+v, is %+v after a late stop", before, after)
	}
}

// stopBeforeStart: cancelled while the submission was still on its way. The
// key alone must do, and the late submission must start nothing.
func stopBeforeStart(t *testing.T, s *stage) {
	l := s.f.Open(t)
	a := s.launch(t, Script{})
	must(t, l.Stop(s.ctx, r1.Handle{Launcher: l.Name(), Key: a.Key}, s.f.Patience))
	h := s.submit(t, l, a)
	wantOutcome(t, await(t, s.ctx, l, h, r1.StateEnded), r1.Stopped)
	s.wantStarts(t, 0)
}

func logs(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{Print: "first line\nsecond line\n"}))
	await(t, s.ctx, l, h, r1.StateEnded)
	all := readLog(t, s.ctx, l, h, 0)
	wantIn(t, "log", all, "first line\nsecond line\n")
	offset := int64(len(all) - len("second line\n"))
	if got := readLog(t, s.ctx, s.f.Open(t), h, offset); got != "second line\n" {
		t.Errorf("log from %d is %q", offset, got)
	}
	if got := readLog(t, s.ctx, l, h, int64(len(all))+100); got != "" {
		t.Errorf("log from beyond its end is %q", got)
	}
}

func longAfter(t *testing.T, s *stage) {
	l := s.f.Open(t)
	a := s.launch(t, Script{Exit: 3})
	h := s.submit(t, l, a)
	before := await(t, s.ctx, l, h, r1.StateEnded)
	for range 3 {
		next := s.f.Open(t)
		found, err := next.Find(s.ctx, a.Key)
		must(t, err)
		if after := await(t, s.ctx, next, found, r1.StateEnded); after != before {
			t.Errorf("status was %+v, is %+v for a later launcher", before, after)
		}
	}
}

func unknown(t *testing.T, s *stage) {
	l := s.f.Open(t)
	if _, err := l.Find(s.ctx, s.key); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("Find: %v, want ErrNotFound", err)
	}
	h := r1.Handle{Launcher: l.Name(), Key: s.key}
	if _, err := l.Status(s.ctx, h); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("Status: %v, want ErrNotFound", err)
	}
	if _, err := l.Logs(s.ctx, h, 0); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("Logs: %v, want ErrNotFound", err)
	}
}
