package launchtest

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// capabilities: what a launcher declares decides which cases apply, so what it
// declares must be there to be tested.
func capabilities(t *testing.T, s *stage) {
	l := s.f.Open(t)
	c := l.Capabilities()
	if again := s.f.Open(t).Capabilities(); !reflect.DeepEqual(c, again) {
		t.Errorf("capabilities %+v, and of another instance %+v", c, again)
	}
	for _, o := range c.Outcomes {
		switch {
		case o == r1.Rejected && s.f.Refusing == nil, o != r1.Rejected && s.f.Provoke[o] == nil:
			t.Errorf("it can tell %q, and the suite is not given how to bring that about", o)
		case o == r1.Succeeded || o == r1.Failed || o == r1.Stopped:
			t.Errorf("every launcher can tell %q: it is not declared", o)
		}
	}
	if c.Walltime != slices.Contains(c.Outcomes, r1.TimedOut) {
		t.Errorf("it ends attempts by walltime: %t; it can tell so: %t", c.Walltime, !c.Walltime)
	}
}

// signalled: the program died by a signal of its own.
func signalled(t *testing.T, s *stage) {
	l := s.f.Open(t)
	h := s.submit(t, l, s.launch(t, Script{Signal: 9}))
	st := await(t, s.ctx, l, h, r1.StateEnded)
	wantOutcome(t, st, r1.Failed)
	if st.ExitCode == 0 || st.Reason == "" {
		t.Errorf("a signal looks like exit 0, or has no reason: %+v", st)
	}
}

func killed(t *testing.T, s *stage) {
	l := s.f.Open(t)
	a := s.launch(t, Script{Hold: true})
	h := s.submit(t, l, a)
	s.awaitStart(t)
	s.f.Kill(t, h)
	st := await(t, s.ctx, l, h, r1.StateEnded)
	wantOutcome(t, st, r1.Failed)
	if st.Reason == "" {
		t.Error("a killed attempt has no reason")
	}
	s.submit(t, l, a) // a killed attempt is over; the next try has another key
	s.wantStarts(t, 1)
}

// provoked: the attempt ends with an outcome of the scheduler's, says why, and is over.
func provoked(o r1.Outcome) func(t *testing.T, s *stage) {
	return func(t *testing.T, s *stage) {
		l := s.f.Open(t)
		if !slices.Contains(l.Capabilities().Outcomes, o) {
			t.Skipf("launcher %s cannot tell %q", l.Name(), o)
		}
		a := s.launch(t, Script{Hold: true})
		h := s.submit(t, l, a)
		s.awaitStart(t)
		s.f.Provoke[o](t, h)
		next := s.f.Open(t)
		st := await(t, s.ctx, next, h, r1.StateEnded)
		wantOutcome(t, st, o)
		if st.Reason == "" {
			t.Error("the scheduler's reason is missing")
		}
		if again := await(t, s.ctx, next, s.submit(t, next, a), r1.StateEnded); again != st {
			t.Errorf("status was %+v, is %+v after another submit", st, again)
		}
		s.wantStarts(t, 1)
	}
}

// rejected: the scheduler refuses, which it says by an error or by the attempt's state.
func rejected(t *testing.T, s *stage) {
	if c := s.f.Open(t).Capabilities(); !slices.Contains(c.Outcomes, r1.Rejected) {
		t.Skip("this launcher has nothing to refuse with")
	}
	l := s.f.Refusing(t)
	h, err := l.Submit(s.ctx, s.launch(t, Script{}))
	if err != nil {
		if named, ok := r1.AsError(err); !ok || named.Remedy == "" {
			t.Errorf("a refusal without a name and a remedy: %v", err)
		}
	} else {
		st := await(t, s.ctx, l, h, r1.StateEnded)
		wantOutcome(t, st, r1.Rejected)
		if st.Reason == "" {
			t.Error("the scheduler's reason is missing")
		}
	}
	s.wantStarts(t, 0)
}

// schedulerDown: no answer is not "there is none". Nothing is lost, nothing is
// doubled, and the attempt goes on.
func schedulerDown(t *testing.T, s *stage) {
	l := s.f.Open(t)
	a := s.launch(t, Script{Hold: true})
	h := s.submit(t, l, a)
	s.awaitStart(t)
	up := s.f.Down(t)
	t.Cleanup(up)
	if _, err := l.Find(s.ctx, a.Key); err == nil || errors.Is(err, r1.ErrNotFound) {
		t.Errorf("Find while the scheduler is down: %v, want an error other than ErrNotFound", err)
	}
	switch st, err := l.Status(s.ctx, h); {
	case errors.Is(err, r1.ErrNotFound):
		t.Errorf("Status while the scheduler is down: %v", err)
	case err == nil && (st.State != r1.StateUnknown || st.Reason == ""):
		t.Errorf("Status while the scheduler is down: %+v, want unknown with a reason", st)
	}
	if _, err := l.Submit(s.ctx, a); err == nil {
		t.Error("Submit while the scheduler is down tells of success")
	}
	if err := l.Stop(s.ctx, h, s.f.Patience); err == nil {
		t.Error("Stop while the scheduler is down tells of success")
	}
	up()
	s.submit(t, l, a)
	await(t, s.ctx, l, h, r1.StateRunning)
	s.wantStarts(t, 1)
}
