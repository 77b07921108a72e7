package statedir

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// maxLog bounds a log file; one older file of that size is kept beside it.
const maxLog = 8 << 20

// LogFile is a log that never grows beyond twice its bound.
type LogFile struct {
	path string
	max  int64

	mu   sync.Mutex
	f    *os.File
	size int64
}

// OpenLog opens logs/<name>.log for appending.
func (d Dir) OpenLog(name string) (*LogFile, error) {
	return openLog(filepath.Join(d.LogDir(), name+".log"), maxLog)
}

// SpawnOutput opens the file that takes what a detached server prints, which is
// little but for a crash; it starts anew when it is full.
func (d Dir) SpawnOutput() (*os.File, error) {
	path := filepath.Join(d.LogDir(), "server.out")
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

func openLog(path string, limit int64) (*LogFile, error) {
	l := &LogFile{path: path, max: limit}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *LogFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("open log: %w", err)
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Path is where the log lies.
func (l *LogFile) Path() string { return l.path }

// Write appends p, and first moves the file aside when it is full.
func (l *LogFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return 0, os.ErrClosed
	}
	if l.size > 0 && l.size+int64(len(p)) > l.max {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(p)
	l.size += int64(n)
	return n, err
}

func (l *LogFile) rotate() error {
	if err := os.Rename(l.path, l.path+".1"); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("rotate log: %w", err)
	}
	old := l.f
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

// Close ends the log.
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
