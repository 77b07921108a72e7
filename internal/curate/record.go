package curate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// sourcesFile says of every source from outside what it was, file by file.
const sourcesFile = "sources.json"

// Origin is what is known of a source before it is read.
type Origin struct {
	Address  string
	Revision string // what a revision stood for when it was opened, such as a commit
	Licence  string
}

// Described is a source with what is known of it.
func Described(s Source, o Origin) Source { return described{s, o} }

type described struct {
	Source
	origin Origin
}

// meter measures a file while it is read.
type meter struct {
	name  string
	sum   hash.Hash
	bytes int64
	rows  int
}

func (m *meter) begin() { m.sum, m.bytes, m.rows = sha256.New(), 0, 0 }

func (m *meter) row(raw []byte) {
	m.rows++
	m.bytes += int64(len(raw)) + 1
	m.sum.Write(raw)
	m.sum.Write([]byte{'\n'})
}

// file measures a whole file.
func (m *meter) file(f *os.File) (err error) {
	info, err := f.Stat()
	if err == nil {
		m.bytes, err = io.Copy(m.sum, io.NewSectionReader(f, 0, info.Size()))
	}
	return err
}

// through measures what is read of a body.
func (m *meter) through(body io.ReadCloser) io.ReadCloser { return metered{body, m} }

type metered struct {
	io.ReadCloser
	m *meter
}

func (b metered) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.m.bytes += int64(n)
	b.m.sum.Write(p[:n])
	return n, err
}

// watch has a source measured while it is read.
func watch(s Source) (meters []*meter, origin Origin) {
	switch t := s.(type) {
	case *stream:
		t.meter = &meter{name: t.name}
		meters = []*meter{t.meter}
	case *generated:
		t.meter = &meter{name: t.name}
		meters = []*meter{t.meter}
	case sources:
		for _, one := range t {
			more, o := watch(one)
			meters = append(meters, more...)
			origin = origin.with(o)
		}
	case mapped:
		return watch(t.Source)
	case described:
		meters, _ = watch(t.Source)
		origin = t.origin
	}
	return meters, origin
}

// with is the origin of two sources together.
func (o Origin) with(other Origin) Origin {
	join := func(a, b string) string {
		if a == "" || b == "" || a == b {
			return cmp.Or(a, b)
		}
		return a + ", " + b
	}
	return Origin{join(o.Address, other.Address), join(o.Revision, other.Revision), join(o.Licence, other.Licence)}
}

// recording is a source from outside that is being read.
type recording struct {
	record r1.SourceRecord
	meters []*meter
}

// fileRecord is what was read of one file.
type fileRecord struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"`
}

// outside has a source measured. said is what the recipe says of it.
func outside(name string, s Source, said Origin, compared bool) recording {
	meters, known := watch(s)
	r := recording{meters: meters, record: r1.SourceRecord{
		Name: name, Address: said.Address, Revision: known.Revision, Licence: known.Licence, Compared: compared,
	}}
	switch {
	case known.Address != "":
		r.record.Address = known.Address
	case filepath.IsAbs(r.record.Address): // where it lies says nothing to others
		r.record.Address = filepath.Base(r.record.Address)
	}
	if r.record.Revision == "" {
		r.record.Revision = said.Revision
	}
	if r.record.Licence == "" {
		r.record.Licence = said.Licence
	}
	return r
}

// read is what the source was, now that it has been read.
func (r recording) read() (r1.SourceRecord, []fileRecord) {
	record := r.record
	var files []fileRecord
	var entries []r1.ManifestEntry
	for _, m := range r.meters {
		if m.sum == nil {
			continue // never opened
		}
		digest := hex.EncodeToString(m.sum.Sum(nil))
		files = append(files, fileRecord{m.name, m.bytes, m.rows, digest})
		entries = append(entries, r1.ManifestEntry{Path: m.name, Size: m.bytes, SHA256: digest})
		record.Files++
		record.Bytes += m.bytes
		record.Rows += m.rows
		record.SHA256 = digest
	}
	if len(files) > 1 {
		record.SHA256 = r1.ContentDigest(entries)
	}
	return record, files
}

// writeRecords writes sources.json, if there are sources from outside, and gives
// its short form.
func writeRecords(dir string, all []recording) ([]r1.SourceRecord, error) {
	if len(all) == 0 {
		return nil, nil
	}
	type entry struct {
		r1.SourceRecord
		Parts []fileRecord `json:"parts"`
	}
	var out struct {
		Sources []entry `json:"sources"`
	}
	var records []r1.SourceRecord
	for _, r := range all {
		record, files := r.read()
		records = append(records, record)
		out.Sources = append(out.Sources, entry{record, files})
	}
	raw, err := json.MarshalIndent(out, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, sourcesFile), append(raw, '\n'), 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("record the sources: %w", err)
	}
	return records, nil
}
