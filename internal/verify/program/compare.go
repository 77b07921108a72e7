package program

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// sameOutput compares whole outputs: space at the ends of lines and empty lines
// at the end do not count, all else does. With a tolerance, lines are compared
// word by word, and numbers may differ by it.
func sameOutput(got, want string, tolerance float64) bool {
	g, w := outputLines(got), outputLines(want)
	if len(g) != len(w) {
		return false
	}
	for i := range w {
		if g[i] != w[i] && (tolerance == 0 || !sameWords(strings.Fields(g[i]), strings.Fields(w[i]), tolerance)) {
			return false
		}
	}
	return true
}

func outputLines(s string) []string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r\v\f")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func sameWords(got, want []string, tolerance float64) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range want {
		if got[i] == want[i] {
			continue
		}
		g, err := strconv.ParseFloat(got[i], 64)
		w, err2 := strconv.ParseFloat(want[i], 64)
		if err != nil || err2 != nil || !near(g, w, tolerance) {
			return false
		}
	}
	return true
}

func near(a, b, tolerance float64) bool {
	return a == b || math.Abs(a-b) <= tolerance*math.Max(1, math.Abs(b))
}

// samePrefix is upstream's rule: lines are compared up to the shorter output.
func samePrefix(got, want string) bool {
	g, w := strings.Split(strings.TrimSpace(got), "\n"), strings.Split(strings.TrimSpace(want), "\n")
	for i := range min(len(g), len(w)) {
		if strings.TrimSpace(g[i]) != strings.TrimSpace(w[i]) {
			return false
		}
	}
	return true
}

// sameResult compares the result of a call. Some data sets wrap the result in a
// list of one.
func sameResult(got, want json.RawMessage, tolerance float64) bool {
	g, ok := value(got)
	w, ok2 := value(want)
	if !ok || !ok2 {
		return false
	}
	if same(g, w, tolerance) {
		return true
	}
	list, ok := w.([]any)
	return ok && len(list) == 1 && same(g, list[0], tolerance)
}

func value(raw json.RawMessage) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

func same(got, want any, tolerance float64) bool {
	switch w := want.(type) {
	case json.Number:
		g, ok := got.(json.Number)
		return ok && sameNumber(g.String(), w.String(), tolerance)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !same(g[i], w[i], tolerance) {
				return false
			}
		}
		return true
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range w {
			if other, ok := g[k]; !ok || !same(other, w[k], tolerance) {
				return false
			}
		}
		return true
	}
	return got == want // text, truth, nothing
}

// sameNumber compares whole numbers exactly, however large, and others as
// floats: 1 is 1.0, as in Python.
func sameNumber(got, want string, tolerance float64) bool {
	if got == want {
		return true
	}
	if tolerance == 0 && !strings.ContainsAny(got+want, ".eE") {
		return false // JSON writes a whole number in one way only
	}
	a, err := strconv.ParseFloat(got, 64)
	b, err2 := strconv.ParseFloat(want, 64)
	return err == nil && err2 == nil && near(a, b, tolerance)
}

// SameOutput says whether a test would take one output for the other.
func SameOutput(got, want string) bool { return sameOutput(got, want, 0) }
