package r1

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// JobKey names a job of a run.
type JobKey struct {
	Run   string `json:"run"`
	Stage string `json:"stage"`
	Job   string `json:"job"`
}

func (k JobKey) String() string { return k.Run + "/" + k.Stage + "/" + k.Job }

// Attempt returns the key of the n-th attempt of the job (from 1).
func (k JobKey) Attempt(n int) AttemptKey { return AttemptKey{JobKey: k, Attempt: n} }

// AttemptKey names one try of a job. It is the idempotency key of a launch: at
// most one process tree ever lives under it.
type AttemptKey struct {
	JobKey
	Attempt int `json:"attempt"`
}

func (k AttemptKey) String() string { return k.JobKey.String() + "/" + strconv.Itoa(k.Attempt) }

// Short is a stable 12-hex-digit form for schedulers that limit names.
func (k AttemptKey) Short() string {
	sum := sha256.Sum256([]byte(k.String()))
	return hex.EncodeToString(sum[:6])
}

// ParseAttemptKey is the inverse of AttemptKey.String.
func ParseAttemptKey(s string) (AttemptKey, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 4 {
		return AttemptKey{}, fmt.Errorf("attempt key %q: want run/stage/job/attempt", s)
	}
	n, err := strconv.Atoi(parts[3])
	if err != nil || n < 1 {
		return AttemptKey{}, fmt.Errorf("attempt key %q: attempt must be a number from 1", s)
	}
	return JobKey{Run: parts[0], Stage: parts[1], Job: parts[2]}.Attempt(n), nil
}
