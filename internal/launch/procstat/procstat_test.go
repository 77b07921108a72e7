package procstat

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestNameMayHoldAnything(t *testing.T) {
	s, err := parse([]byte("42 (a) b (c) Z 1 7 9 0 -1 0 0 0 0 0 100 20 3 4 20 0 1 0 12345 4096 2 18446744073709551615 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Stat{Zombie: true, Parent: 1, Group: 7, Session: 9, Start: 12345, CPU: 1270 * time.Millisecond, Resident: 2 * int64(os.Getpagesize())}
	if s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if _, err := parse([]byte("42 (cat) R 1")); err == nil {
		t.Error("a line that is cut off was taken")
	}
}

func TestThisProcess(t *testing.T) {
	s, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	group, err := syscall.Getpgid(0)
	if err != nil {
		t.Fatal(err)
	}
	if s.PID != os.Getpid() || s.Parent != os.Getppid() || s.Group != group || s.Start == 0 || s.Resident == 0 || s.Zombie {
		t.Errorf("this process is %+v, of group %d", s, group)
	}
	if !slices.Contains(PIDs(), os.Getpid()) {
		t.Error("this process is not among the processes")
	}
	if _, err := Read(1 << 30); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that is not there: %v", err)
	}
}
