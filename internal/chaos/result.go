package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Result is build/chaos.json.
type Result struct {
	Version         string    `json:"version"`
	Commit          string    `json:"commit"`
	Started         time.Time `json:"started"`
	Seconds         float64   `json:"seconds"`
	Seed            uint64    `json:"seed"`
	Short           bool      `json:"short"`
	Machine         Machine   `json:"machine"`
	Injected        int       `json:"injected"`
	InjectedReal    int       `json:"injected_real"`
	InjectedScript  int       `json:"injected_scripted"`
	NotInjected     []Skipped `json:"not_injected"`
	Runs            int       `json:"runs"`
	Attempts        int       `json:"attempts"`
	Artifacts       int       `json:"artifacts"` // committed, and read whole
	Doubled         int       `json:"doubled"`
	Orphaned        int       `json:"orphaned"`
	Damaged         int       `json:"damaged"`
	UnnamedFailures int       `json:"unnamed_failures"`
	// Violations are what must hold and did not, each with its run.
	Violations []string `json:"violations"`
	Rows       []Row    `json:"rows"`
}

// Machine says what the suite ran on.
type Machine struct {
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
}

func newResult(o Options) Result {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // for people: no kernel is no error
	return Result{
		Version: o.Version, Commit: o.Commit, Started: time.Now().UTC().Truncate(time.Second), Seed: o.Seed, Short: o.Short,
		Machine:     Machine{Cores: runtime.NumCPU(), Kernel: strings.TrimSpace(string(kernel))},
		NotInjected: []Skipped{}, Violations: []string{}, Rows: []Row{},
	}
}

func (r *Result) violate(label, text string) { r.Violations = append(r.Violations, label+": "+text) }

// take adds what a run found.
func (r *Result) take(label string, f finding) {
	r.Runs++
	r.Attempts += f.Audit.Attempts
	r.Artifacts += len(f.Audit.Digests)
	r.Rows = append(r.Rows, f.Rows...)
	count := func(n *int, what string, list []string) {
		*n += len(list)
		for _, text := range list {
			r.violate(label, what+": "+text)
		}
	}
	count(&r.Doubled, "doubled", f.Audit.Doubled)
	count(&r.Orphaned, "orphaned", f.Audit.Orphans)
	count(&r.Damaged, "damaged", f.Audit.Damaged)
	count(&r.UnnamedFailures, "unnamed failure", f.Audit.Unnamed)
	for _, text := range f.Problems {
		r.violate(label, text)
	}
	for _, row := range f.Rows {
		if !row.OK {
			r.violate(label, fmt.Sprintf("%s at %s: expected: %s; seen: %s; %s", row.Fault, row.Stage, row.Expected, row.Seen, row.Note))
		}
		if row.FollowedS != nil && *row.FollowedS > followBound.Seconds() {
			r.violate(label, fmt.Sprintf("%s at %s: the trainer was followed again %.1f s after the restart, more than %s", row.Fault, row.Stage, *row.FollowedS, followBound))
		}
		if row.ResumedS != nil && *row.ResumedS > resumeBound.Seconds() {
			r.violate(label, fmt.Sprintf("%s at %s: the next trainer was started after %.1f s, more than %s", row.Fault, row.Stage, *row.ResumedS, resumeBound))
		}
	}
}

// sum counts what the rows say.
func (r *Result) sum() {
	r.Seconds = seconds(time.Since(r.Started))
	r.Injected, r.InjectedReal = len(r.Rows), 0
	for _, row := range r.Rows {
		if row.Trainer == "real" {
			r.InjectedReal++
		}
	}
	r.InjectedScript = r.Injected - r.InjectedReal
}

// Bounds of a full suite.
const (
	wantFaults = 200
	wantReal   = 20
)

// Require adds what a full suite must have injected.
func (r *Result) Require() {
	if r.Injected < wantFaults {
		r.violate("suite", fmt.Sprintf("%d faults were injected, fewer than %d", r.Injected, wantFaults))
	}
	if r.InjectedReal < wantReal {
		r.violate("suite", fmt.Sprintf("%d faults were injected into real training, fewer than %d", r.InjectedReal, wantReal))
	}
}

// Write writes the result as JSON.
func (r *Result) Write(file string) error {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return os.WriteFile(file, raw.Bytes(), 0o644)
}
