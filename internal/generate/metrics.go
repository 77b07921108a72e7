package generate

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// metrics appends to metrics.jsonl, and tells people the same.
type metrics struct {
	mu   sync.Mutex
	file *os.File
	out  io.Writer
}

func openMetrics(path string, out io.Writer) (*metrics, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the metrics: %w", err)
	}
	return &metrics{file: f, out: out}, nil
}

func (m *metrics) say(line r1.MetricsLine) error {
	line.Time = time.Now().UTC().Truncate(time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.file.Write(append(encode(line), '\n')); err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	fmt.Fprintln(m.out, readable(line))
	return nil
}

// readable is a line for people, who read it with r1ctl logs.
func readable(line r1.MetricsLine) string {
	at := fmt.Sprint(line.Step)
	if line.Total > 0 {
		at += fmt.Sprintf("/%d", line.Total)
	}
	parts := []string{line.Time.Format("2006-01-02T15:04:05.000Z"), line.Type, at}
	for _, name := range slices.Sorted(maps.Keys(line.Values)) {
		parts = append(parts, fmt.Sprintf("%s=%.4g", name, line.Values[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(line.Text)) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, line.Text[name]))
	}
	return strings.Join(parts, " ")
}

func (m *metrics) close() error { return m.file.Close() }
