package sandbox

import (
	"io"
	"os"
	"sync"
	"time"
)

// drainTime bounds the wait for the last output of processes that are dead.
const drainTime = 5 * time.Second

// streams are the three standard files of a program: pipes that somebody here
// feeds and empties.
type streams struct {
	child  [3]*os.File // the program's ends
	input  *os.File
	output [2]*os.File
	data   [2][]byte
	done   sync.WaitGroup
}

// openStreams starts to feed and to empty. full is called when an output grows
// beyond limit bytes; what comes after is thrown away.
func openStreams(stdin []byte, limit int64, full func()) (*streams, error) {
	s := &streams{}
	var err error
	if s.child[0], s.input, err = os.Pipe(); err != nil {
		return nil, err
	}
	for i := range s.output {
		if s.output[i], s.child[i+1], err = os.Pipe(); err != nil {
			s.close()
			return nil, err
		}
	}
	s.done.Go(func() {
		_, _ = s.input.Write(stdin) // a program need not read its input
		_ = s.input.Close()
	})
	for i, f := range s.output {
		s.done.Go(func() {
			s.data[i], _ = io.ReadAll(io.LimitReader(f, limit))
			if n, _ := io.CopyN(io.Discard, f, 1); n > 0 {
				full()
				_, _ = io.Copy(io.Discard, f)
			}
		})
	}
	return s, nil
}

// finish waits for the rest of the output. The program must be dead by now.
func (s *streams) finish() (stdout, stderr []byte) {
	for _, f := range s.child {
		_ = f.Close()
	}
	_ = s.input.SetWriteDeadline(time.Now())
	for _, f := range s.output {
		_ = f.SetReadDeadline(time.Now().Add(drainTime))
	}
	s.done.Wait()
	s.close()
	return s.data[0], s.data[1]
}

func (s *streams) close() {
	for _, f := range []*os.File{s.child[0], s.child[1], s.child[2], s.input, s.output[0], s.output[1]} {
		_ = f.Close() // nil and closed files only say so
	}
}
