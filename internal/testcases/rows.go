package testcases

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/program"
)

// Row is a problem as it is read and written: all fields that are not the
// programs stay.
type Row struct {
	Problem
	fields map[string]json.RawMessage
}

// Set is the problems of a file, by id, in its order.
type Set struct {
	Rows []*Row
	byID map[string]*Row
}

// programs are the fields that hold them, as lists of text.
type programs struct {
	ID         string   `json:"id"`
	Language   string   `json:"language"`
	Generators []string `json:"generators"`
	Right      []string `json:"right"`
	Wrong      []string `json:"wrong"`
}

// ReadProblems reads problem rows: id, prompt, and where they are there language,
// generators, right and wrong.
func ReadProblems(name string, in io.Reader) (*Set, error) {
	set := &Set{byID: map[string]*Row{}}
	return set, eachLine(name, in, func(line []byte) string {
		var p programs
		row := &Row{}
		if err := json.Unmarshal(line, &row.fields); err != nil {
			return "it is no JSON object"
		}
		if err := json.Unmarshal(line, &p); err != nil {
			return strings.TrimPrefix(err.Error(), "json: ")
		}
		if p.ID == "" {
			return "id is missing"
		}
		if set.byID[p.ID] != nil {
			return fmt.Sprintf("the id %q is there twice", p.ID)
		}
		if p.Language == "" {
			p.Language = "python"
		}
		row.ID = p.ID
		for _, code := range p.Generators {
			row.Generators = append(row.Generators, Program{"python", code})
		}
		for _, code := range p.Right {
			row.Right = append(row.Right, Program{p.Language, code})
		}
		for _, code := range p.Wrong {
			row.Wrong = append(row.Wrong, Program{p.Language, code})
		}
		set.Rows, set.byID[p.ID] = append(set.Rows, row), row
		return ""
	})
}

// sample is what is read of a sample row.
type sample struct {
	ID       string     `json:"id"`
	Response string     `json:"response"`
	Verdict  r1.Verdict `json:"verdict"`
}

// AddGenerators takes the programs in the responses of samples: each fenced block
// of Python is a generator. It gives the samples that belong to no problem.
func (s *Set) AddGenerators(name string, in io.Reader) (strangers int, err error) {
	return s.addSamples(name, in, func(row *Row, from sample) {
		for _, b := range blocks(from.Response) {
			if b.Language == "python" {
				row.Generators = append(row.Generators, b)
			}
		}
	})
}

// AddSolutions takes the program in the response of each sample with a verdict, its
// last fenced block, as a right or a wrong one.
func (s *Set) AddSolutions(name string, in io.Reader) (strangers int, err error) {
	return s.addSamples(name, in, func(row *Row, from sample) {
		list := blocks(from.Response)
		if len(list) == 0 {
			return
		}
		switch last := list[len(list)-1]; from.Verdict.Label {
		case r1.Correct:
			row.Right = append(row.Right, last)
		case r1.Wrong:
			row.Wrong = append(row.Wrong, last)
		}
	})
}

func (s *Set) addSamples(name string, in io.Reader, add func(*Row, sample)) (strangers int, err error) {
	return strangers, eachLine(name, in, func(line []byte) string {
		var from sample
		if err := json.Unmarshal(line, &from); err != nil {
			return strings.TrimPrefix(err.Error(), "json: ")
		}
		if row := s.byID[from.ID]; row != nil {
			add(row, from)
		} else {
			strangers++
		}
		return ""
	})
}

// blocks are the fenced programs of a response.
func blocks(text string) []Program {
	var out []Program
	for _, b := range program.Blocks(text) {
		out = append(out, Program(b))
	}
	return out
}

// With is the row with its tests, as one line of JSON.
func (r *Row) With(made Made) ([]byte, error) {
	out := map[string]any{}
	for name, value := range r.fields {
		if name != "generators" && name != "right" && name != "wrong" {
			out[name] = value
		}
	}
	out["verifier"] = "code"
	language := "python"
	if len(r.Right) > 0 {
		language = r.Right[0].Language
	}
	out["verification_info"] = map[string]any{"language": language, "test_cases": made.Cases}
	out["tests"] = made
	return json.Marshal(out)
}

// eachLine reads rows, and names the line of the first mistake.
func eachLine(name string, in io.Reader, do func(line []byte) (wrong string)) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 1<<16), 256<<20)
	for number := 1; scanner.Scan(); number++ {
		if len(strings.TrimSpace(scanner.Text())) == 0 {
			continue
		}
		if why := do(scanner.Bytes()); why != "" {
			return &r1.Error{Name: "row-invalid", Detail: fmt.Sprintf("%s:%d: %s", name, number, why), Remedy: "correct the line"}
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}
