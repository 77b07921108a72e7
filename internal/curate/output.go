package curate

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The files of a curated dataset, as a stage leaves them.
const (
	dataFile       = "data.jsonl"
	funnelFile     = "funnel.json"
	droppedFile    = "dropped.jsonl.gz"
	quarantineFile = "quarantine.jsonl.gz"
)

// Accounts are the files of an output that tell of it and hold no rows of it, as
// a stage leaves them.
func Accounts() []string { return []string{funnelFile, sourcesFile, droppedFile, quarantineFile} }

// Layout names the files of an output. The zero value is that of a stage:
// data.jsonl, dropped.jsonl.gz and quarantine.jsonl.gz.
type Layout struct {
	Rows       string // its ending says the format: see Formats
	Dropped    string // JSON lines, plain or by a compressed ending
	Quarantine string // malformed rows, with their text
	// ShardRows and ShardBytes (of JSON) bound a file of rows; 0 does not. With
	// more rows there are several: data-00000-of-00002.jsonl and so on.
	ShardRows  int
	ShardBytes int64
}

func (l Layout) complete(p Params) Layout {
	if l.Rows == "" {
		l.Rows = dataFile
	}
	if p.Format != "" {
		l.Rows = strings.TrimSuffix(l.Rows, FormatOf(l.Rows)) + p.Format
	}
	if l.Dropped == "" {
		l.Dropped = droppedFile
	}
	if l.Quarantine == "" {
		l.Quarantine = quarantineFile
	}
	if p.ShardRows > 0 {
		l.ShardRows = p.ShardRows
	}
	if p.ShardBytes > 0 {
		l.ShardBytes = p.ShardBytes
	}
	return l
}

// dropRecord is one line of the file of dropped rows.
type dropRecord struct {
	ID     string `json:"id,omitempty"`
	Sample *int   `json:"sample,omitempty"`
	Domain string `json:"domain,omitempty"`
	Step   string `json:"step"`
	Reason string `json:"reason"`
	Source string `json:"source"` // name of the input or source
	File   string `json:"file"`
	Line   int    `json:"line"`
	// Like is what the row is like, where a step knows: dataset, prompt, cosine.
	Like json.RawMessage `json:"like,omitempty"`
}

// quarantineRecord is one line of the file of malformed rows.
type quarantineRecord struct {
	Source string `json:"source"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Reason string `json:"reason"`
	Text   string `json:"text"`          // as read; what is no UTF-8 is replaced
	Cut    bool   `json:"cut,omitempty"` // the text is only the beginning
}

// quarantined bounds the text kept of a malformed row, in bytes.
const quarantined = 64 << 10

// rowsWriter writes rows, one JSON object each, in some format.
type rowsWriter interface {
	write(raw []byte) error
	close() error
}

// output writes what a run leaves behind.
type output struct {
	dir        string
	rows       rowsWriter
	shards     *rowFiles
	dropped    *recordFile
	quarantine *recordFile
	open       []io.Closer
}

func newOutput(dir string, layout Layout) (o *output, err error) {
	o = &output{dir: dir, shards: &rowFiles{dir: dir, layout: layout}}
	defer func() {
		if err != nil {
			o.abandon()
			err = fmt.Errorf("open the output: %w", err)
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := clearShards(dir); err != nil {
		return nil, err
	}
	if o.rows, err = newRowsWriter(o.shards); err != nil {
		return nil, err
	}
	if o.dropped, err = o.records(layout.Dropped); err != nil {
		return nil, err
	}
	o.quarantine, err = o.records(layout.Quarantine)
	return o, err
}

func (o *output) create(name string) (*os.File, error) {
	f, err := os.Create(filepath.Join(o.dir, name))
	if err == nil {
		o.open = append(o.open, f)
	}
	return f, err
}

func (o *output) records(name string) (*recordFile, error) {
	f, err := o.create(name)
	if err != nil {
		return nil, err
	}
	return newRecordFile(name, f), nil
}

func (o *output) keep(raw []byte) error {
	if err := o.rows.write(raw); err != nil {
		return fmt.Errorf("write a row: %w", err)
	}
	return nil
}

func (o *output) drop(d dropRecord) error {
	if err := o.dropped.add(d); err != nil {
		return fmt.Errorf("record a dropped row: %w", err)
	}
	return nil
}

// refuse records a malformed row.
func (o *output) refuse(d dropRecord, raw []byte) error {
	q := quarantineRecord{Source: d.Source, File: d.File, Line: d.Line, Reason: d.Reason, Cut: len(raw) > quarantined}
	q.Text = strings.ToValidUTF8(string(raw[:min(len(raw), quarantined)]), "\uFFFD")
	if err := o.quarantine.add(q); err != nil {
		return fmt.Errorf("record a malformed row: %w", err)
	}
	return nil
}

// close ends the files; the funnel comes last.
func (o *output) close(funnel r1.Funnel) error {
	err := errors.Join(o.rows.close(), o.dropped.close(), o.quarantine.close())
	if err == nil {
		err = o.shards.finish()
	}
	for _, f := range o.open {
		err = errors.Join(err, f.Close())
	}
	o.open = nil
	if err != nil {
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
	o.shards.abandon()
	for _, f := range o.open {
		_ = f.Close()
	}
	o.open = nil
}

// recordFile is a file of JSON lines about rows.
type recordFile struct {
	zip *gzip.Writer // nil: plain
	buf *bufio.Writer
	enc *json.Encoder
}

func newRecordFile(name string, w io.Writer) *recordFile {
	f := &recordFile{}
	if strings.HasSuffix(name, ".gz") {
		f.zip = gzip.NewWriter(w)
		w = f.zip
	}
	f.buf = bufio.NewWriterSize(w, 1<<16)
	f.enc = json.NewEncoder(f.buf)
	f.enc.SetEscapeHTML(false)
	return f
}

func (f *recordFile) add(v any) error { return f.enc.Encode(v) }

func (f *recordFile) close() error {
	err := f.buf.Flush()
	if f.zip != nil {
		err = errors.Join(err, f.zip.Close())
	}
	return err
}
