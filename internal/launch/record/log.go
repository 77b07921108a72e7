package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Log reads an attempt's log from an offset. One that is not there is r1.ErrNotFound.
func Log(key r1.AttemptKey, file string, offset int64) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = r1.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", key, err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("log of %s from %d: %w", key, offset, err)
	}
	return f, nil
}
