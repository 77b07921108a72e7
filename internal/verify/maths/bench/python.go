package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/r1ctl/r1ctl/internal/verify/maths/pairs"
)

//go:embed loop.py
var script string

// verdicts are what math-verify's loop said.
type verdicts struct {
	equal   []bool
	seconds float64
	cpu     float64 // seconds of processor time
	version string
}

// loop runs math-verify over the rows in one process of its own.
func loop(ctx context.Context, python string, rows []pairs.Pair) (verdicts, error) {
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, p := range rows {
		if err := enc.Encode(map[string]string{"gold": p.Gold, "answer": p.Answer}); err != nil {
			return verdicts{}, fmt.Errorf("writing rows: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, python, "-c", script)
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return verdicts{}, fmt.Errorf("running math-verify with %s: %w", python, err)
	}
	var v verdicts
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var line struct {
			Equal   *bool   `json:"equal"`
			Seconds float64 `json:"seconds"`
			CPU     float64 `json:"cpu"`
			Version string  `json:"version"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return verdicts{}, fmt.Errorf("reading what math-verify said: %w", err)
		}
		if line.Equal != nil {
			v.equal = append(v.equal, *line.Equal)
			continue
		}
		v.seconds, v.cpu, v.version = line.Seconds, line.CPU, line.Version
	}
	if len(v.equal) != len(rows) || v.cpu <= 0 {
		return verdicts{}, fmt.Errorf("math-verify answered %d of %d rows", len(v.equal), len(rows))
	}
	return v, nil
}
