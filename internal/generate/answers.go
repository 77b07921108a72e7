package generate

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/kept"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// entry is what came of one request.
type entry struct {
	Key    string       `json:"key"`
	Answer *chat.Answer `json:"answer,omitempty"`
	// Refusal is what the endpoint said instead of an answer.
	Refusal string `json:"refusal,omitempty"`
}

// Answers keeps what was answered, by digest, in files that only grow: each
// attempt appends to one of its own, and reads those of all others. What is kept is
// on the disk before it is used.
type Answers struct {
	mu    sync.Mutex
	files []*os.File
	index map[digest]span
	given map[digest]entry // of a checkpoint
	out   *os.File
	size  int64
}

type span struct {
	file   int
	offset int64
	length int
}

// openAnswers opens the answers below root of one scope; name is that of the file
// that this attempt appends to.
func openAnswers(root, scope, name string) (*Answers, error) {
	dir, err := kept.Folder(root, scope)
	if err != nil {
		return nil, err
	}
	a := &Answers{index: map[digest]span{}, given: map[digest]entry{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("look for answers: %w", err)
	}
	own := filepath.Join(dir, name+".jsonl")
	for _, file := range files {
		if file != own {
			if err := a.load(file, os.O_RDONLY); err != nil {
				return nil, errors.Join(err, a.Close())
			}
		}
	}
	if err := a.load(own, os.O_RDWR|os.O_CREATE|os.O_APPEND); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.out = a.files[len(a.files)-1]
	if err := a.mend(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, wholefile.SyncDir(dir)
}

// load indexes a file. A line that is not whole, as a kill may leave it, is none.
func (a *Answers) load(file string, flags int) error {
	f, err := os.OpenFile(file, flags, 0o600)
	if err != nil {
		return fmt.Errorf("open answers: %w", err)
	}
	number := len(a.files)
	a.files = append(a.files, f)
	r := bufio.NewReaderSize(f, 1<<20)
	a.size = 0
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read answers: %w", err)
		}
		var e entry
		if json.Unmarshal(line, &e) == nil && (e.Answer != nil || e.Refusal != "") {
			if d, ok := parseDigest(e.Key); ok {
				a.index[d] = span{number, a.size, len(line)}
			}
		}
		a.size += int64(len(line))
	}
}

// mend ends a line that a kill has cut off, so that the next one begins a line.
func (a *Answers) mend() error {
	info, err := a.out.Stat()
	if err == nil && info.Size() > a.size {
		_, err = a.out.WriteString("\n")
		a.size = info.Size() + 1
	}
	if err != nil {
		return fmt.Errorf("mend the answers: %w", err)
	}
	return nil
}

// readEntries reads the answers of a checkpoint, which is whole.
func readEntries(file string) ([]entry, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	var out []entry
	for dec := json.NewDecoder(f); ; {
		var e entry
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("restore: read %s: %w", file, err)
		}
		out = append(out, e)
	}
}

func parseDigest(text string) (d digest, ok bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(d) {
		return d, false
	}
	return digest(raw), true
}

// give adds an answer of a checkpoint.
func (a *Answers) give(e entry) {
	if d, ok := parseDigest(e.Key); ok {
		a.given[d] = e
	}
}

// waiting is how many answers of a checkpoint nobody has asked for yet.
func (a *Answers) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.given)
}

// left are the answers of a checkpoint that nobody has asked for yet.
func (a *Answers) left() []entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]entry, 0, len(a.given))
	for _, d := range slices.SortedFunc(maps.Keys(a.given), func(x, y digest) int { return bytes.Compare(x[:], y[:]) }) {
		out = append(out, a.given[d])
	}
	return out
}

// taken says that a question has its answer now, whatever it came from.
func (a *Answers) taken(d digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.given, d)
}

// get finds what came of a request.
func (a *Answers) get(d digest) (entry, bool, error) {
	a.mu.Lock()
	e, given := a.given[d]
	at, there := a.index[d]
	a.mu.Unlock()
	if given || !there {
		return e, given, nil
	}
	line := make([]byte, at.length)
	if _, err := a.files[at.file].ReadAt(line, at.offset); err != nil {
		return e, false, fmt.Errorf("read an answer: %w", err)
	}
	if err := json.Unmarshal(bytes.TrimSpace(line), &e); err != nil {
		return e, false, fmt.Errorf("read an answer: %w", err)
	}
	return e, true, nil
}

// put keeps what came of a request. It returns when the disk has it.
func (a *Answers) put(d digest, e entry) error {
	e.Key = d.String()
	line := append(encode(e), '\n')
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.out.Write(line); err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	if err := a.out.Sync(); err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	a.index[d] = span{len(a.files) - 1, a.size, len(line)}
	a.size += int64(len(line))
	return nil
}

// Close closes the files.
func (a *Answers) Close() error {
	var errs []error
	for _, f := range a.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
