package lint

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
)

// Facts are what rules know of the world outside the recipe.
type Facts struct {
	// Model is the model of an address, where its size is known.
	Model func(address string) (estimate.Model, bool)
	// Accelerators is what a job may have, where the site says so: how many, of which
	// memory each. The zero value: not known.
	Accelerators estimate.Machine
}

// memory is all that a job has, in bytes; 0 where it is not known.
func (f Facts) memory() float64 {
	return float64(f.Accelerators.Count) * f.Accelerators.MemoryGiB * (1 << 30)
}

// A source is what is known of data from outside without asking a network.
type source struct {
	address string
	fields  map[string]bool // of its first row; nil: not known
	domain  string          // of all its rows; "": not known
	rows    int64           // 0: not known
}

// look reads the first row of data that is here: a tiny:// address or a local file of JSON lines.
func look(address string) source {
	s := source{address: address}
	var first []byte
	switch scheme, _, remote := strings.Cut(address, "://"); {
	case strings.HasPrefix(address, tinyworld.Scheme):
		rows, err := tinyworld.Open(address)
		if err != nil {
			return s // told when it is planned
		}
		for row := range rows {
			first = row
			break
		}
		s.rows = Size(address)
	case remote && scheme != "":
		return s
	case filepath.Ext(address) == ".jsonl":
		first = firstLine(address)
	}
	var row map[string]any
	if json.Unmarshal(first, &row) != nil {
		return s
	}
	s.fields = map[string]bool{}
	for name, value := range row {
		s.fields[name] = value != nil
	}
	if s.rows > 0 {
		s.domain, _ = row["domain"].(string)
	}
	return s
}

// shaped is the source as a recipe takes it: with other names for its fields, and
// the same value in some.
func (s source) shaped(recipe map[string]any) source {
	if domain, ok := recipe["domain"].(string); ok {
		s.domain = domain
	}
	if s.fields == nil {
		return s
	}
	fields := maps.Clone(s.fields)
	columns, _ := recipe["columns"].(map[string]any)
	for field, name := range columns {
		from, _ := name.(string)
		first, _, nested := strings.Cut(from, ".")
		if has, there := s.fields[from]; there {
			delete(fields, from)
			fields[field] = has
		} else if has, there := s.fields[first]; nested && there {
			fields[field] = has
		}
	}
	for _, field := range []string{"domain", "verifier", "split"} {
		if recipe[field] != nil {
			fields[field] = true
		}
	}
	s.fields = fields
	return s
}

// Size is the number of rows that an address says it has; 0 where it does not say.
func Size(address string) int64 {
	if !strings.HasPrefix(address, tinyworld.Scheme) {
		return 0
	}
	_, query, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(values.Get("size"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// maxLine bounds the row that is looked at.
const maxLine = 4 << 20

func firstLine(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil // told when it is planned
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, maxLine)).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return nil
	}
	return line
}
