package main

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/procstat"
)

// turns gives the machine to two trainings by turns: the processes of one are stopped while
// those of the other go on. What else the machine does, and its speed, then meet both alike,
// which they do not when one training follows the other.
type turns struct {
	length time.Duration

	mu    sync.Mutex
	on    int // whose turn it is
	sides [2]side
}

// side is one of the two trainings.
type side struct {
	roots []int // processes, each with all its descendants
	since time.Time
	had   []span
}

type span struct{ from, to time.Time }

// seat is what a training has of turns.
type seat struct {
	*turns
	side int
}

// join adds a process that was just started, and what it will start.
func (s seat) join(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sides[s.side].roots = append(s.sides[s.side].roots, pid)
	if s.on != s.side {
		s.sides[s.side].signal(syscall.SIGSTOP)
	}
}

// leave takes a process out that has ended, or that goes on regardless.
func (s seat) leave(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	me := &s.sides[s.side]
	me.roots = slices.DeleteFunc(me.roots, func(p int) bool { return p == pid })
	(&side{roots: []int{pid}}).signal(syscall.SIGCONT)
}

// had is how much of a time the training had the machine.
func (s seat) had(from, to time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum time.Duration
	for _, had := range s.sides[s.side].had {
		sum += max(0, earlier(had.to, to).Sub(later(had.from, from)))
	}
	return sum
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// run changes turns until ctx ends. Then everything that is left goes on.
func (t *turns) run(ctx context.Context) {
	t.mu.Lock()
	t.sides[t.on].since = time.Now()
	t.mu.Unlock()
	tick := time.NewTicker(t.length)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.change()
		case <-ctx.Done():
			t.mu.Lock()
			defer t.mu.Unlock()
			now := time.Now()
			t.sides[t.on].had = append(t.sides[t.on].had, span{t.sides[t.on].since, now})
			for i := range t.sides {
				t.sides[i].signal(syscall.SIGCONT)
			}
			return
		}
	}
}

func (t *turns) change() {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, next := &t.sides[t.on], &t.sides[1-t.on]
	last.signal(syscall.SIGSTOP)
	now := time.Now()
	last.had = append(last.had, span{last.since, now})
	t.on = 1 - t.on
	next.since = now
	next.signal(syscall.SIGCONT)
}

// signal reaches all processes of a side. One that starts another just then is seen on the
// next look: it is stopped by then, and starts no more.
func (s *side) signal(sig syscall.Signal) {
	seen := map[int]bool{}
	for {
		fresh := false
		for _, pid := range family(s.roots) {
			if !seen[pid] {
				seen[pid], fresh = true, true
				_ = syscall.Kill(pid, sig) // it may have ended meanwhile
			}
		}
		if !fresh {
			return
		}
	}
}

// family lists processes and their descendants.
func family(roots []int) []int {
	if len(roots) == 0 {
		return nil
	}
	children := map[int][]int{}
	for _, pid := range procstat.PIDs() {
		if s, err := procstat.Read(pid); err == nil {
			children[s.Parent] = append(children[s.Parent], pid)
		}
	}
	all := slices.Clone(roots)
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}
