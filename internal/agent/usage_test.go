package agent

import (
	"bytes"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// busySeconds is the processor time that a child of a scripted trainer takes before it ends.
const busySeconds = 0.2

// busy takes processor time.
func busy() {
	for {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			panic(err)
		}
		if time.Duration(r.Utime.Nano()+r.Stime.Nano()).Seconds() > busySeconds {
			return
		}
	}
}

// What the trainer and its ended children took is in the heartbeat while it
// lives and in the result; so are the pace, an example, and where the time went.
func TestMeasurements(t *testing.T) {
	b := newBench(t, "shows what it takes")
	done := b.start(t.Context())
	b.awaitReady()
	var hb r1.Heartbeat
	b.until("the usage and the example in the heartbeat", func() bool {
		hb = b.heartbeat()
		return hb.Text != nil && hb.Usage != nil && hb.Usage.CPUSeconds >= busySeconds
	})
	if hb.Usage.MemoryBytes < 1<<20 || hb.Usage.CPUs < 0 {
		t.Errorf("usage %+v", hb.Usage)
	}
	if hb.Since == nil || hb.Since.Step != 0 || hb.Since.Time.IsZero() || hb.Since.Time.After(hb.Time) {
		t.Errorf("since %+v at %s", hb.Since, hb.Time)
	}
	if want := strings.Repeat("ü", textRunes) + "…"; hb.Text["response"] != want || hb.Text["prompt"] != "2+2=?" {
		t.Errorf("text %q", hb.Text)
	}
	if hb.Values["pass@1"] != 0 || hb.Values["loss"] != 1 {
		t.Errorf("values %v are not those of the newest step line", hb.Values)
	}
	write(filepath.Join(b.gate, "go"), "")
	res := <-done
	want(t, res, r1.Succeeded, "", "")
	if u := res.Usage; u == nil || u.CPUSeconds < busySeconds || u.MemoryBytes < 1<<20 || u.CPUs <= 0 {
		t.Errorf("usage in the result %+v", u)
	}
	if at := res.Timing; at == nil || at.Startup < 0.05 || at.Train < busySeconds || at.Download < 0 || at.Upload <= 0 {
		t.Errorf("timing %+v", at)
	}
	if last := b.heartbeat(); last.Usage != nil || last.PID != 0 {
		t.Errorf("the last heartbeat tells of a trainer that is gone: %+v", last)
	}
	var metrics bytes.Buffer
	if _, err := stream.Read(t.Context(), readable{b.store}, path.Join(b.prefix(), r1.MetricsDir), 0, &metrics); err != nil || !strings.Contains(metrics.String(), `"type":"eval"`) {
		t.Errorf("the eval line did not pass through (%v):\n%s", err, &metrics)
	}
}

func TestMeterKeepsWhatWasUsed(t *testing.T) {
	m := newMeter(1 << 30) // nobody is in this group
	m.last, m.peak, m.started = r1.Usage{CPUSeconds: 5, MemoryBytes: 7}, 9, time.Now().Add(-10*time.Second)
	if u := m.sample(0); u.CPUSeconds != 5 || u.CPUs != 0 || u.MemoryBytes != 0 {
		t.Errorf("after the members are gone: %+v", u)
	}
	for name, c := range map[string]struct {
		rusage  *syscall.Rusage
		seconds float64
		memory  int64
	}{
		"no word of the kernel":       {nil, 5, 9},
		"the kernel saw more":         {&syscall.Rusage{Utime: syscall.Timeval{Sec: 6}, Stime: syscall.Timeval{Sec: 2}, Maxrss: 1}, 8, 1024},
		"a child that was not waited": {&syscall.Rusage{Utime: syscall.Timeval{Sec: 1}}, 5, 9},
	} {
		if u := m.total(c.rusage); u.CPUSeconds != c.seconds || u.MemoryBytes != c.memory || u.CPUs <= 0 || u.CPUs > c.seconds/10 {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestTiming(t *testing.T) {
	at := func(seconds int) time.Time {
		if seconds < 0 {
			return time.Time{}
		}
		return time.Unix(int64(1000+seconds), 0)
	}
	for name, c := range map[string]struct {
		fetched, began, ended int
		want                  r1.Timing
	}{
		"whole":                     {2, 5, 9, r1.Timing{Download: 2, Startup: 3, Train: 4}},
		"ended without a word":      {2, -1, 9, r1.Timing{Download: 2, Startup: 7}},
		"inputs never came":         {-1, -1, 9, r1.Timing{Download: 9}},
		"the clock was turned back": {2, 1, 9, r1.Timing{Download: 2, Startup: 7}},
	} {
		if got := timing(at(0), at(c.fetched), at(c.began), at(c.ended)); *got != c.want {
			t.Errorf("%s: %+v, want %+v", name, *got, c.want)
		}
	}
}
