package agent

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
)

// maxLine bounds how much of a line of a log is looked at.
const maxLine = 64 << 10

// rootCause finds what to quote of a log: the first exception of its first Python
// traceback, because later ones follow from it; else its last line. A log that
// cannot be read has none.
func rootCause(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	return causeIn(f)
}

func causeIn(log io.Reader) string {
	r := bufio.NewReaderSize(log, maxLine)
	inTrace := false
	last := ""
	for {
		raw, more, err := r.ReadLine()
		line := strings.TrimRight(string(raw), "\r ")
		for more && err == nil { // the rest of a line that is too long
			_, more, err = r.ReadLine()
		}
		if line != "" {
			if inTrace && !indented(line) {
				return line
			}
			if strings.HasPrefix(line, "Traceback (most recent call last)") {
				inTrace = true
			}
			last = line
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return ""
			}
			return strings.TrimSpace(last)
		}
	}
}

// indented says whether a line belongs to the stack of a traceback.
func indented(line string) bool { return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") }
