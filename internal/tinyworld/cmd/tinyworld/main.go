// Command tinyworld prints the rows of a tiny:// address as JSON lines:
//
//	go run ./internal/tinyworld/cmd/tinyworld 'tiny://corpus?size=268800&seed=1' > corpus.jsonl
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: tinyworld tiny://NAME?key=value")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "tinyworld:", err)
		if e, ok := r1.AsError(err); ok {
			fmt.Fprintln(os.Stderr, e.Remedy)
		}
		os.Exit(1)
	}
}

func write(w io.Writer, address string) error {
	rows, err := tinyworld.Open(address)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for row := range rows {
		if _, err := out.Write(append(row, '\n')); err != nil {
			return fmt.Errorf("write a row: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
