package slurm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A thousand attempts looked at in one tick are one question to the controller.
func TestOneQuestionForAll(t *testing.T) {
	var asked atomic.Int32
	p := &poller{now: time.Now, look: func(context.Context) (map[string][]job, error) {
		asked.Add(1)
		time.Sleep(10 * time.Millisecond)
		return map[string][]job{"r1-x": {{id: "1"}}}, nil
	}}
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			if jobs, err := p.jobs(t.Context(), time.Hour); err != nil || len(jobs["r1-x"]) != 1 {
				t.Errorf("%v, %v", jobs, err)
			}
		})
	}
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("the controller was asked %d times", n)
	}
}

// Who needs to know what is so now is not told what was so before.
func TestAFreshAnswerWasAskedAfterwards(t *testing.T) {
	clock := time.Unix(1000, 0)
	answers := 0
	p := &poller{now: func() time.Time { return clock }, look: func(context.Context) (map[string][]job, error) {
		answers++
		return map[string][]job{}, nil
	}}
	for range 2 {
		if _, err := p.jobs(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if answers != 1 {
		t.Errorf("%d questions within a minute, want 1", answers)
	}
	clock = clock.Add(time.Second)
	if _, err := p.jobs(t.Context(), 0); err != nil || answers != 2 {
		t.Errorf("%d questions, %v; want a new one", answers, err)
	}
	clock = clock.Add(2 * time.Minute)
	if _, err := p.jobs(t.Context(), time.Minute); err != nil || answers != 3 {
		t.Errorf("%d questions, %v; want a new one when the last is old", answers, err)
	}
}

// One who gives up waiting does not take the answer from the others.
func TestGivingUpLeavesTheQuestion(t *testing.T) {
	release := make(chan struct{})
	p := &poller{now: time.Now, look: func(ctx context.Context) (map[string][]job, error) {
		<-release
		return map[string][]job{}, ctx.Err()
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.jobs(gone, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("one who gave up: %v", err)
	}
	close(release)
	if _, err := p.jobs(t.Context(), time.Hour); err != nil {
		t.Errorf("the others: %v", err)
	}
}
