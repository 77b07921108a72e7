package curate

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine bounds a row: a longer one is malformed, and costs no memory.
const maxLine = 64 << 20

// scanLines calls yield with every line of r that is not blank, until yield
// says no. A byte order mark at the start is skipped, and a last line without
// its newline counts.
func scanLines(name string, r io.Reader, yield func(Line) bool) error {
	br := bufio.NewReaderSize(r, 1<<20)
	if mark, err := br.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = br.Discard(3)
	}
	var long []byte // a line longer than the reader's buffer
	for n := 1; ; n++ {
		long = long[:0]
		tooLong := false
		part, err := br.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			if tooLong = tooLong || len(long)+len(part) > maxLine; !tooLong {
				long = append(long, part...)
			}
			part, err = br.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line := part
		if len(long) > 0 {
			long = append(long, part...)
			line = long
		}
		switch line = bytes.TrimSpace(line); {
		case tooLong:
			if !yield(Line{File: name, Number: n, problem: "too-long"}) {
				return nil
			}
		case len(line) > 0:
			if !yield(Line{File: name, Number: n, Raw: line}) {
				return nil
			}
		}
		if err != nil {
			return nil
		}
	}
}
