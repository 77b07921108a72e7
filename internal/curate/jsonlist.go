package curate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// scanList is scanLines for a file that holds one JSON list of rows, or after
// all a row a line. Of a list, Number counts rows.
func scanList(name string, r io.Reader, yield func(Line) bool) error {
	br := bufio.NewReaderSize(r, 1<<16)
	if !startsList(br) {
		return scanLines(name, br, yield)
	}
	dec := json.NewDecoder(br)
	if _, err := dec.Token(); err != nil {
		return err
	}
	n := 0
	for dec.More() {
		n++
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return fmt.Errorf("row %d of the list: %w", n, whole(err))
		}
		if !yield(Line{File: name, Number: n, Raw: raw}) {
			return nil
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("after row %d of the list: %w", n, whole(err))
	}
	return nil
}

// whole says of a file that ends too early that it does.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// startsList looks at the first byte that is no white space.
func startsList(br *bufio.Reader) bool {
	for n := 1; n <= 4096; n++ {
		head, err := br.Peek(n)
		if err != nil {
			return false
		}
		switch head[n-1] {
		case ' ', '\t', '\r', '\n', 0xEF, 0xBB, 0xBF:
			continue
		}
		if head[n-1] == '[' {
			_, _ = br.Discard(n - 1) // also a byte order mark
			return true
		}
		return false
	}
	return false
}
