package generate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// tally sums up rows as r1trainer's measure.summarize does: means of what is known,
// and counts of what is not.
type tally struct {
	sums, counts        map[string]float64
	unverified, refused float64
	agrees, disagrees   float64
}

func newTally() *tally {
	return &tally{sums: map[string]float64{}, counts: map[string]float64{}}
}

func (t *tally) note(name string, value float64) {
	t.sums[name] += value
	t.counts[name]++
}

// add counts one finished row.
func (t *tally) add(r *row) {
	var s struct {
		Rewards  map[string]*float64 `json:"rewards"`
		Tokens   *float64            `json:"tokens"`
		Thinking *float64            `json:"thinking_tokens"`
		Verdict  r1.Verdict          `json:"verdict"`
		Audit    *struct {
			Agrees *bool `json:"agrees"`
		} `json:"audit"`
	}
	fields := map[string]json.RawMessage{}
	for _, name := range []string{"rewards", "tokens", "thinking_tokens", "verdict", "audit"} {
		if value, ok := r.values[name]; ok {
			fields[name] = value
		}
	}
	_ = json.Unmarshal(encode(fields), &s) // we have written them
	for name, value := range s.Rewards {
		if value != nil {
			t.note(name, *value)
		}
	}
	for name, value := range map[string]*float64{"tokens": s.Tokens, "thinking_tokens": s.Thinking} {
		if value != nil {
			t.note(name, *value)
		}
	}
	finish := r.text("finish")
	clipped := 0.0
	if finish == chat.FinishLength {
		clipped = 1
	}
	t.note("clipped", clipped)
	if finish == chat.FinishRefused {
		t.refused++
	}
	if verifierOf(r) != "none" && s.Verdict.Label != r1.Correct && s.Verdict.Label != r1.Wrong {
		t.unverified++
	}
	if s.Audit != nil && s.Audit.Agrees != nil {
		if *s.Audit.Agrees {
			t.agrees++
		} else {
			t.disagrees++
		}
	}
}

// values are the numbers of a metrics line.
func (t *tally) values() map[string]float64 {
	out := map[string]float64{"unverified": t.unverified, "refused": t.refused}
	for name, n := range t.counts {
		out[name] = t.sums[name] / n
	}
	if t.agrees+t.disagrees > 0 {
		out["audited"], out["audit_disagrees"] = t.agrees+t.disagrees, t.disagrees
	}
	return out
}

// Summarize gives the numbers of sample rows, in their order, and how many there
// are: what a job's summary says of them.
func Summarize(ctx context.Context, files []func(context.Context) (io.ReadCloser, error)) (map[string]float64, int, error) {
	all, n := newTally(), 0
	for _, open := range files {
		in, err := open(ctx)
		if err != nil {
			return nil, 0, err
		}
		read, err := all.addAll(in)
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, 0, err
		}
		n += read
	}
	values := all.values()
	if all.refused == 0 { // only an endpoint refuses
		delete(values, "refused")
	}
	return values, n, nil
}

// addAll counts the rows of a file.
func (t *tally) addAll(in io.Reader) (rows int, err error) {
	r := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, fmt.Errorf("read rows: %w", err)
		}
		one, err := parseRow(line)
		if err != nil {
			return rows, fmt.Errorf("read rows: %w", err)
		}
		t.add(one)
		rows++
	}
}

// with adds numbers that are no sums of rows.
func with(values, more map[string]float64) map[string]float64 {
	maps.Copy(values, more)
	return values
}
