package embed

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/r1ctl/r1ctl/internal/kept"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// Store keeps vectors of one model on disk, in files that only grow: each process
// appends to one of its own, and reads those of all others. Memory: some 60 bytes a vector.
type Store struct {
	mu    sync.Mutex
	files []*os.File
	index map[digest]place
	out   *os.File
	size  int64
}

// digest names a vector: the model, and the text.
type digest [16]byte

type place struct {
	file   int32
	length int32
	offset int64
}

// A record is a digest, the vector's bytes, their number and their checksum before them.
const headBytes = 16 + 4 + 4

// OpenStore opens the vectors below root of one scope, the name of a folder.
func OpenStore(root, scope string) (*Store, error) {
	dir, err := kept.Folder(root, scope)
	if err != nil {
		return nil, err
	}
	s := &Store{index: map[digest]place{}}
	names, err := filepath.Glob(filepath.Join(dir, "*.vectors"))
	if err != nil {
		return nil, fmt.Errorf("look for vectors: %w", err)
	}
	for _, name := range names {
		if err := s.load(name); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	own := filepath.Join(dir, rand.Text()+".vectors")
	if s.out, err = os.OpenFile(own, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("keep vectors: %w", err), s.Close())
	}
	s.files = append(s.files, s.out)
	if err := wholefile.SyncDir(dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// load indexes a file, as far as its records are whole: a kill may have cut the last.
func (s *Store) load(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open vectors: %w", err)
	}
	s.files = append(s.files, f)
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open vectors: %w", err)
	}
	var head [headBytes]byte
	for at := int64(0); at+headBytes <= info.Size(); {
		if _, err := f.ReadAt(head[:], at); err != nil {
			return fmt.Errorf("read vectors: %w", err)
		}
		n := int64(binary.LittleEndian.Uint32(head[16:]))
		if at += headBytes; n > math.MaxInt32 || at+n > info.Size() {
			return nil
		}
		s.index[digest(head[:16])] = place{int32(len(s.files) - 1), int32(n), at - headBytes}
		at += n
	}
	return nil
}

// get finds a vector; one whose bytes are damaged is not there.
func (s *Store) get(d digest) ([]float32, bool, error) {
	s.mu.Lock()
	at, ok := s.index[d]
	s.mu.Unlock()
	if !ok {
		return nil, false, nil
	}
	raw := make([]byte, headBytes+int(at.length))
	if _, err := s.files[at.file].ReadAt(raw, at.offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, fmt.Errorf("read a vector: %w", err)
	}
	body := raw[headBytes:]
	if digest(raw[:16]) != d || len(body)%4 != 0 || crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(raw[20:]) {
		return nil, false, nil
	}
	v := make([]float32, len(body)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return v, true, nil
}

// put keeps vectors; it returns when the disk has them.
func (s *Store) put(keys []digest, vectors [][]float32) error {
	var out []byte
	places := make([]place, len(keys))
	for i, d := range keys {
		body := make([]byte, 0, 4*len(vectors[i]))
		for _, x := range vectors[i] {
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(x))
		}
		places[i] = place{length: int32(len(body)), offset: int64(len(out))}
		out = append(out, d[:]...)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
		out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
		out = append(out, body...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.out.Write(out); err != nil {
		// Behind half a record nothing would be found again.
		return errors.Join(fmt.Errorf("keep vectors: %w", err), s.out.Truncate(s.size))
	}
	if err := s.out.Sync(); err != nil {
		return fmt.Errorf("keep vectors: %w", err)
	}
	for i, d := range keys {
		places[i].file, places[i].offset = int32(len(s.files)-1), places[i].offset+s.size
		s.index[d] = places[i]
	}
	s.size += int64(len(out))
	return nil
}

// Close closes the files; one that nothing was written to goes.
func (s *Store) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	if s.out != nil && s.size == 0 {
		errs = append(errs, os.Remove(s.out.Name()))
	}
	s.files = nil
	return errors.Join(errs...)
}
