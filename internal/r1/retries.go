package r1

import (
	"fmt"
	"strings"
	"time"
)

// Retries bound how often a job is tried again, by failure class. What a recipe
// leaves out (nil) is the site's.
type Retries struct {
	Program        *int      `json:"program,omitempty"`        // further attempts after a program failure
	Infrastructure *int      `json:"infrastructure,omitempty"` // further attempts after lost nodes, agents, storage
	Preempted      *Duration `json:"preempted,omitempty"`      // how long a job may go on being preempted
}

// Duration is a time.Duration that JSON holds as text, such as "72h0m0s".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("read a duration: %w", err)
	}
	*d = Duration(v)
	return nil
}

// EndsText says how attempts ended, by class, such as "1 preempted, 2 infrastructure".
func EndsText(ends map[Class]int) string {
	var parts []string
	for _, class := range []Class{ClassPreempted, ClassInfrastructure, ClassCapacity, ClassProgram, ClassOOM, ClassDiverged, ClassConfig, ClassStopped} {
		if n := ends[class]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, class))
		}
	}
	return strings.Join(parts, ", ")
}
