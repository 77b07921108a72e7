package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// samplePause is how often processes are looked at.
const samplePause = 100 * time.Millisecond

// sampler looks for jobs that run twice at a time: two agents or two trainers of
// one job that live side by side.
type sampler struct {
	census *census
	root   string

	mu     sync.Mutex
	before map[pair]bool
	found  map[pair]string
}

// pair is two processes that should not live at once, the lower pid first.
type pair struct{ a, b int }

func newSampler(c *census, root string) *sampler {
	return &sampler{census: c, root: root, before: map[pair]bool{}, found: map[pair]string{}}
}

// run samples until ctx ends.
func (s *sampler) run(ctx context.Context) {
	ticker := time.NewTicker(samplePause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.note(leaders(s.census.of(s.root)))
		}
	}
}

// note takes a sample. Two processes count when two samples in a row show them:
// one that was killed is there for an instant more.
func (s *sampler) note(sample []Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := map[pair]bool{}
	byJob := map[r1.JobKey][]Process{}
	for _, p := range sample {
		byJob[p.Attempt.JobKey] = append(byJob[p.Attempt.JobKey], p)
	}
	for job, list := range byJob {
		for i, p := range list {
			for _, q := range list[i+1:] {
				if p.Role != q.Role {
					continue
				}
				twice := pair{min(p.PID, q.PID), max(p.PID, q.PID)}
				now[twice] = true
				if s.before[twice] {
					s.found[twice] = fmt.Sprintf("%s: %ss %d and %d of attempts %d and %d lived at a time", job, p.Role, p.PID, q.PID, p.Attempt.Attempt, q.Attempt.Attempt)
				}
			}
		}
	}
	s.before = now
}

// doubled tells what was seen so far.
func (s *sampler) doubled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, text := range s.found {
		list = append(list, text)
	}
	return list
}
