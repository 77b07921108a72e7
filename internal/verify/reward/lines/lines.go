package lines

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// Bounds of what is held at once.
const (
	usualLine  = 64 << 20 // bytes of a row
	batchBytes = 16 << 20 // of a batch, give or take a row
)

// ReasonBadRow is why a row that is no row has no reward.
const ReasonBadRow = "bad-row"

// Scorer gives one value an item, in order.
type Scorer interface {
	Score(ctx context.Context, items []reward.Item) ([]reward.Value, error)
}

// Grouped is a scorer whose values depend on other rows: it takes a measure of
// each row, and makes the values of all measures in the end.
type Grouped interface {
	Measure(ctx context.Context, items []reward.Item) ([]reward.Measure, error)
	Combine(keys []string, measures []reward.Measure) []reward.Value
}

// Summary is what became of the rows.
type Summary struct {
	Rows, Bad, Unknown int // Unknown includes Bad
}

// Stream reads rows from one place and writes their rewards to another.
type Stream struct {
	In  io.Reader
	Out io.Writer
	// Batch is how many rows are scored at once.
	Batch int
	// MaxLine bounds a row's bytes; default 64 MiB.
	MaxLine int
	// Parse makes an item of a line; default reward.ParseRow.
	Parse func(line []byte) (reward.Item, error)
	// Bad hears of each line that is no row.
	Bad func(line int, err error)
}

// row is a line read: an item, or what is wrong with it.
type row struct {
	id   json.RawMessage
	item reward.Item
	bad  bool
}

// Score answers row after row; it holds one batch.
func (s Stream) Score(ctx context.Context, scorer Scorer) (Summary, error) {
	out := newWriter(s.Out)
	err := s.batches(ctx, func(rows []row) error {
		values, err := scorer.Score(ctx, items(rows))
		if err != nil {
			return err
		}
		next := 0
		for _, r := range rows {
			v := reward.Value{Reason: ReasonBadRow}
			if !r.bad {
				v = values[next]
				next++
			}
			out.write(r.id, v, r.bad)
		}
		return out.flush() // whoever reads along sees each batch
	})
	return out.Summary, err
}

// ScoreGroups answers when the input has ended, as any row can belong to the
// first one's group. It holds about 100 bytes a row, and no text.
func (s Stream) ScoreGroups(ctx context.Context, scorer Grouped) (Summary, error) {
	var (
		ids      []json.RawMessage
		bad      []bool
		keys     []string
		measures []reward.Measure
	)
	names := map[[16]byte]string{} // a group's key, once
	err := s.batches(ctx, func(rows []row) error {
		some := items(rows)
		of, err := scorer.Measure(ctx, some)
		if err != nil {
			return err
		}
		measures = append(measures, of...)
		for _, it := range some {
			full := sha256.Sum256([]byte(it.GroupKey()))
			sum := [16]byte(full[:16])
			if _, ok := names[sum]; !ok {
				names[sum] = string(sum[:])
			}
			keys = append(keys, names[sum])
		}
		for _, r := range rows {
			ids, bad = append(ids, bytes.Clone(r.id)), append(bad, r.bad)
		}
		return nil
	})
	if err != nil {
		return Summary{}, err
	}
	values := scorer.Combine(keys, measures)
	out, next := newWriter(s.Out), 0
	for i, id := range ids {
		v := reward.Value{Reason: ReasonBadRow}
		if !bad[i] {
			v = values[next]
			next++
		}
		out.write(id, v, bad[i])
	}
	return out.Summary, out.flush()
}

func items(rows []row) []reward.Item {
	out := make([]reward.Item, 0, len(rows))
	for _, r := range rows {
		if !r.bad {
			out = append(out, r.item)
		}
	}
	return out
}

// Line is a line that was read.
type Line struct {
	ID   json.RawMessage // nil where the row has none
	Item reward.Item     // of a line that is a row
	Bad  bool            // it is none
}

// Each hands the lines on in batches, in order; it holds one batch.
func (s Stream) Each(ctx context.Context, use func([]Line) error) error {
	return s.batches(ctx, func(rows []row) error {
		out := make([]Line, len(rows))
		for i, r := range rows {
			out[i] = Line{r.id, r.item, r.bad}
		}
		return use(out)
	})
}

// batches reads the rows, and hands them on in batches.
func (s Stream) batches(ctx context.Context, use func([]row) error) error {
	in := bufio.NewReaderSize(s.In, 1<<16)
	var rows []row
	size, number := 0, 0
	for ended := false; !ended; {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, whole, err := readLine(in, s.maxLine())
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read line %d: %w", number+1, err)
		}
		ended = err != nil
		number++
		if len(bytes.TrimSpace(line)) > 0 {
			rows = append(rows, s.parse(line, whole, number))
			size += len(line)
		}
		if len(rows) > 0 && (ended || len(rows) >= s.Batch || size >= batchBytes) {
			if err := use(rows); err != nil {
				return err
			}
			rows, size = rows[:0], 0
		}
	}
	return nil
}

func (s Stream) parse(line []byte, whole bool, number int) row {
	if !whole {
		s.Bad(number, fmt.Errorf("the row is larger than %d bytes", s.maxLine()))
		return row{bad: true}
	}
	parse := s.Parse
	if parse == nil {
		parse = reward.ParseRow
	}
	it, err := parse(line)
	if err != nil {
		s.Bad(number, err)
		return row{id: it.ID, bad: true}
	}
	return row{id: it.ID, item: it}
}

func (s Stream) maxLine() int {
	if s.MaxLine > 0 {
		return s.MaxLine
	}
	return usualLine
}

// readLine reads a line; whole is false where it was too long, and cut.
func readLine(in *bufio.Reader, maxLine int) (line []byte, whole bool, err error) {
	whole = true
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			whole = false
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, whole, err
		}
	}
}

// writer writes answers and counts them.
type writer struct {
	Summary
	out *bufio.Writer
	err error
}

func newWriter(out io.Writer) *writer { return &writer{out: bufio.NewWriter(out)} }

func (w *writer) write(id json.RawMessage, v reward.Value, bad bool) {
	w.Rows++
	answer := struct {
		ID     json.RawMessage `json:"id"`
		Reward *float64        `json:"reward"`
		Reason string          `json:"reason,omitempty"`
	}{ID: id, Reason: v.Reason}
	if v.Known {
		answer.Reward = &v.Reward
	} else {
		w.Unknown++
	}
	if bad {
		w.Bad++
	}
	raw, err := json.Marshal(answer)
	if err == nil {
		_, err = w.out.Write(append(raw, '\n'))
	}
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) flush() error {
	if err := w.out.Flush(); err != nil && w.err == nil {
		w.err = err
	}
	if w.err != nil {
		return fmt.Errorf("write rewards: %w", w.err)
	}
	return nil
}
