package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// dying is how long the trainer before may take to be gone: its agent was killed, and it is next.
const dying = 2 * time.Second

// lock makes this the only trainer of its job, or notes that it is not.
func (t *trainer) lock() error {
	for _, dir := range []string{"running", "behave"} {
		if err := os.MkdirAll(filepath.Join(t.control, dir), 0o700); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
	}
	// Never closed: the lock is the process's. Go opens files so that children do not get them.
	fd, err := syscall.Open(filepath.Join(t.control, "running", name(t.job.Key)), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("lock the job: %w", err)
	}
	for deadline := time.Now().Add(dying); ; time.Sleep(20 * time.Millisecond) {
		if err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return t.doubled()
		}
	}
}

// doubled notes that another trainer does the same job now.
func (t *trainer) doubled() error {
	raw, err := json.Marshal(map[string]any{"key": t.job.Key, "pid": os.Getpid(), "time": time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("note a doubled job: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(t.control, "doubled.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("note a doubled job: %w", err)
	}
	defer f.Close()
	if _, err := f.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("note a doubled job: %w", err)
	}
	return nil
}

// linger is a child that stays.
func linger() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	time.Sleep(10 * time.Minute)
}
