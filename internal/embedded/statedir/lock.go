package statedir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process holds a lock.
var ErrLocked = errors.New("locked by another process")

// lockRetry covers the instant for which Held takes a shared lock to look.
const (
	lockRetry    = 10 * time.Millisecond
	lockPatience = 250 * time.Millisecond
)

// Lock is a lock on a file that the kernel releases when its holder dies, however it dies.
type Lock struct{ f *os.File }

// TakeLock takes the lock of file and notes the holder in it. It fails with
// ErrLocked when another process keeps it beyond an instant.
func TakeLock(file string) (*Lock, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	l, err := WaitLock(ctx, file)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, ErrLocked
	}
	return l, err
}

// WaitLock takes the lock of file as soon as it is free, or fails when ctx ends.
func WaitLock(ctx context.Context, file string) (*Lock, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for {
		err := flock(f, unix.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", file, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", file, ctx.Err())
		case <-time.After(lockRetry):
		}
	}
	l := &Lock{f: f}
	if err := l.noteHolder(); err != nil {
		l.Release()
		return nil, fmt.Errorf("lock %s: %w", file, err)
	}
	return l, nil
}

func (l *Lock) noteHolder() error {
	self, err := Self()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(self)
	if err != nil {
		return err
	}
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err = l.f.WriteAt(raw, 0)
	return err
}

// Release gives the lock back. The file stays: removing it would let two
// processes lock two files of one name.
func (l *Lock) Release() {
	_ = l.f.Truncate(0)
	_ = l.f.Close()
}

// Held says whether a process holds the lock of file, and which. The process is
// zero in the moment between a lock being taken and its holder being noted.
func Held(file string) (Process, bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return Process{}, false, nil
	}
	if err != nil {
		return Process{}, false, fmt.Errorf("open lock: %w", err)
	}
	defer f.Close()
	err = flock(f, unix.LOCK_SH)
	if err == nil {
		return Process{}, false, nil
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return Process{}, false, fmt.Errorf("lock %s: %w", file, err)
	}
	var p Process
	if json.NewDecoder(f).Decode(&p) != nil || !p.Alive() {
		p = Process{}
	}
	return p, true, nil
}

// WaitFree waits until no process holds the lock of file.
func WaitFree(ctx context.Context, file string) error {
	for {
		_, held, err := Held(file)
		if err != nil || !held {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
