package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Of two families of processes one stands still while the other goes on, grandchildren too,
// and all go on in the end.
func TestTurns(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	both := &turns{length: time.Hour}
	go both.run(ctx)
	var families [2]*exec.Cmd
	for i := range families {
		c := exec.Command("sh", "-c", "sleep 60 & wait")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		families[i] = c
		for len(family([]int{c.Process.Pid})) < 2 {
			time.Sleep(time.Millisecond)
		}
		seat{both, i}.join(c.Process.Pid)
		t.Cleanup(func() {
			for _, pid := range family([]int{c.Process.Pid}) {
				if p, err := os.FindProcess(pid); err == nil {
					_ = p.Kill()
				}
			}
			_ = c.Wait()
		})
	}
	want := func(when string, stopped ...bool) {
		t.Helper()
		for i, c := range families {
			for _, pid := range family([]int{c.Process.Pid}) {
				// A signal is there at once, and what it does a moment later.
				for try := 0; standsStill(t, pid) != stopped[i]; try++ {
					if try == 5000 {
						t.Fatalf("%s: process %d of family %d stands still: %t", when, pid, i, !stopped[i])
					}
					time.Sleep(time.Millisecond)
				}
			}
		}
	}
	want("when they join", false, true)
	both.change()
	want("after a change", true, false)
	both.change()
	want("after another", false, true)
	end()
	for both.mu.Lock(); len(both.sides[0].had) < 2; both.mu.Lock() {
		both.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	both.mu.Unlock()
	want("in the end", false, false)
}

func standsStill(t *testing.T, pid int) bool {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(raw, []byte(") T "))
}

// Time counts while it is the training's turn.
func TestHad(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	s := seat{&turns{}, 1}
	s.sides[1].had = []span{{at(0), at(2)}, {at(4), at(6)}, {at(8), at(10)}}
	for _, c := range []struct{ from, to, want int }{{0, 10, 6}, {1, 5, 2}, {2, 4, 0}, {5, 9, 2}, {11, 12, 0}} {
		if got := s.had(at(c.from), at(c.to)); got != time.Duration(c.want)*time.Second {
			t.Errorf("of %d to %d it had %s, want %d s", c.from, c.to, got, c.want)
		}
	}
}
