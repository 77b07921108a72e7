package curate

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The files of a curated dataset.
const (
	dataFile    = "data.jsonl"
	funnelFile  = "funnel.json"
	droppedFile = "dropped.jsonl.gz"
)

// dropRecord is one line of dropped.jsonl.gz.
type dropRecord struct {
	ID     string `json:"id,omitempty"`
	Sample *int   `json:"sample,omitempty"`
	Step   string `json:"step"`
	Reason string `json:"reason"`
	Source string `json:"source"` // name of the input or source
	File   string `json:"file"`
	Line   int    `json:"line"`
}

// output writes what a run leaves behind.
type output struct {
	dir     string
	data    *os.File
	rows    *bufio.Writer
	dropped *os.File
	zip     *gzip.Writer
	drops   *json.Encoder
}

func newOutput(dir string) (o *output, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open the output: %w", err)
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	data, err := os.Create(filepath.Join(dir, dataFile))
	if err != nil {
		return nil, err
	}
	dropped, err := os.Create(filepath.Join(dir, droppedFile))
	if err != nil {
		data.Close()
		return nil, err
	}
	zip := gzip.NewWriter(dropped)
	drops := json.NewEncoder(zip)
	drops.SetEscapeHTML(false)
	return &output{dir: dir, data: data, rows: bufio.NewWriterSize(data, 1<<18), dropped: dropped, zip: zip, drops: drops}, nil
}

func (o *output) keep(r *row) error {
	if _, err := o.rows.Write(r.encoded()); err != nil {
		return fmt.Errorf("write a row: %w", err)
	}
	if err := o.rows.WriteByte('\n'); err != nil {
		return fmt.Errorf("write a row: %w", err)
	}
	return nil
}

func (o *output) drop(d dropRecord) error {
	if err := o.drops.Encode(d); err != nil {
		return fmt.Errorf("record a dropped row: %w", err)
	}
	return nil
}

// close ends the files; the funnel comes last.
func (o *output) close(funnel r1.Funnel) error {
	if err := errors.Join(o.rows.Flush(), o.zip.Close(), o.data.Close(), o.dropped.Close()); err != nil {
		return fmt.Errorf("end the output: %w", err)
	}
	raw, err := json.MarshalIndent(funnel, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(o.dir, funnelFile), append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the funnel: %w", err)
	}
	return nil
}

// abandon closes the files after an error.
func (o *output) abandon() {
	_ = o.data.Close()
	_ = o.dropped.Close()
}
