package curate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// DefaultShardBytes is the size from which the rows of a folder lie in several
// files, in bytes of JSON.
const DefaultShardBytes = 1 << 30

// shardsFile lists the files of rows, where there are several.
const shardsFile = "shards.json"

// shardRecord is one file of rows.
type shardRecord struct {
	Path  string `json:"path"`
	Rows  int    `json:"rows"`
	Bytes int64  `json:"bytes"` // on disk
}

// rowFiles are the files that rows are written to, one after another: one file
// name.ending, or name-00000-of-00002.ending and so on. How many there will be
// is known at the end, so they have other names until then.
type rowFiles struct {
	dir    string
	layout Layout
	files  []shardRecord
	f      *os.File // the one being written
	json   int64    // bytes of JSON in it
}

// part is the name of a file while it is written.
func (s *rowFiles) part(i int) string {
	return filepath.Join(s.dir, fmt.Sprintf(".%s.part-%05d", s.layout.Rows, i))
}

// next begins a file.
func (s *rowFiles) next() (*os.File, error) {
	f, err := os.Create(s.part(len(s.files)))
	if err != nil {
		return nil, err
	}
	s.files, s.f, s.json = append(s.files, shardRecord{}), f, 0
	return f, nil
}

// full says whether a row of so many bytes belongs into another file than the
// one being written.
func (s *rowFiles) full(size int) bool {
	rows := s.files[len(s.files)-1].Rows
	return rows > 0 && (s.layout.ShardRows > 0 && rows >= s.layout.ShardRows || s.layout.ShardBytes > 0 && s.json+int64(size)+1 > s.layout.ShardBytes)
}

// count notes a row of so many bytes.
func (s *rowFiles) count(size int) {
	s.files[len(s.files)-1].Rows++
	s.json += int64(size) + 1
}

// end closes the file being written.
func (s *rowFiles) end() error {
	info, err := s.f.Stat()
	if err == nil {
		s.files[len(s.files)-1].Bytes = info.Size()
		err = s.f.Close()
	}
	s.f = nil
	return err
}

// finish gives the files their names.
func (s *rowFiles) finish() error {
	ending := "." + FormatOf(s.layout.Rows)
	for i := range s.files {
		name := s.layout.Rows
		if len(s.files) > 1 {
			name = fmt.Sprintf("%s-%05d-of-%05d%s", strings.TrimSuffix(name, ending), i, len(s.files), ending)
		}
		s.files[i].Path = name
		if err := os.Rename(s.part(i), filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	if len(s.files) < 2 {
		return nil
	}
	raw, err := json.MarshalIndent(map[string]any{"files": s.files}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, shardsFile), append(raw, '\n'), 0o644)
}

// abandon closes the file being written after an error.
func (s *rowFiles) abandon() {
	if s != nil && s.f != nil {
		_ = s.f.Close()
		s.f = nil
	}
}

// clearShards removes what an earlier run left in the folder.
func clearShards(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if HoldsRows(name) || name == shardsFile || name == sourcesFile || strings.Contains(name, ".part-") && strings.HasPrefix(name, ".") {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
