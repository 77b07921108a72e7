package curate

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestStepsTableIsTrue holds the table against what is decoded: every
// parameter it lists is taken, what it calls required is, and defaults are right.
func TestStepsTableIsTrue(t *testing.T) {
	examples := map[string]string{
		"integer": "3", "number": "0.5", "text": `"x"`, "list": `["prompt"]`, "map": `{"logic":3}`,
	}
	value := func(p Param) string {
		if len(p.Allowed) > 0 && p.Type == "text" {
			return fmt.Sprintf("%q", p.Allowed[0])
		}
		if p.Type == "list" {
			return fmt.Sprintf("[%q]", p.Allowed[0])
		}
		if p.Name == "above" { // must be less than below
			return "0.25"
		}
		return examples[p.Type]
	}
	for _, def := range Steps() {
		t.Run(def.Name, func(t *testing.T) {
			all, withDefaults, required := []string{}, []string{}, []string{}
			for _, p := range def.Params {
				if def.Name == "mix" && (p.Name == "targets" || p.Name == "fractions") || p.Name == "compat" ||
					def.Name == "behaviours" && p.Name != "mark" {
					continue // not with weights, not with normalize; their own names: tested below
				}
				all = append(all, fmt.Sprintf("%q:%s", p.Name, value(p)))
				switch {
				case p.Required:
					required = append(required, fmt.Sprintf("%q:%s", p.Name, value(p)))
				case p.Default != nil:
					raw, _ := json.Marshal(p.Default)
					withDefaults = append(withDefaults, fmt.Sprintf("%q:%s", p.Name, raw))
				}
			}
			decode := func(fields []string) (step, error) {
				return def.decode(json.RawMessage("{" + strings.Join(fields, ",") + "}"))
			}
			if _, err := decode(all); err != nil {
				t.Errorf("%s: %v", all, err)
			}
			if def.Name == "cap" {
				required = append(required, `"rows":3`) // one of its two
			}
			if def.Name == "behaviours" {
				required = append(required, `"mark":"x"`)
			}
			if def.Name == "mix" {
				required = append(required, `"weights":{"logic":3}`) // one of its three
			}
			bare, err := decode(required)
			if err != nil {
				t.Fatalf("%s: %v", required, err)
			}
			full, err := decode(append(withDefaults, required...))
			if err != nil {
				t.Fatal(err)
			}
			one, _ := json.Marshal(bare)
			two, _ := json.Marshal(full)
			if string(one) != string(two) {
				t.Errorf("defaults are %s, the table says %s", one, two)
			}
			if len(required) > 0 {
				if _, err := decode(nil); err == nil {
					t.Error("a required parameter is not")
				}
			}
		})
	}
}

func TestParamsOutOfRange(t *testing.T) {
	for _, s := range []string{
		`{"do":"format","style":"x"}`, `{"do":"language","target":"tlh"}`, `{"do":"language","min":1.5}`,
		`{"do":"repetition","max":-1}`, `{"do":"repetition","max":0.3,"ngram":0}`, `{"do":"length","min":5,"max":4}`, `{"do":"paragraph","max":0}`,
		`{"do":"pass-rate","above":0.5,"below":0.5}`, `{"do":"pass-rate","below":2}`, `{"do":"refine","summary":"x"}`, `{"do":"dedup","by":[]}`,
		`{"do":"dedup","by":["promt"]}`, `{"do":"decontaminate"}`, `{"do":"decontaminate","against":"e","ngram":0}`, `{"do":"select","per_prompt":0}`,
		`{"do":"mix"}`, `{"do":"mix","weights":{"a":1},"targets":{"a":1}}`, `{"do":"mix","weights":{"a":0}}`, `{"do":"mix","targets":{"a":-1}}`,
		`{"do":"mix","fractions":{"a":1.5}}`, `{"do":"mix","targets":{"a":1},"rows":3}`, `{"do":"mix","weights":{"a":1},"by":"x"}`, `{"do":"mix","weights":{"a":1},"short":"x"}`,
		`{"do":"decontaminate","against":"e","normalize":"x"}`, `{"do":"decontaminate","against":"e","compat":"x"}`,
		`{"do":"decontaminate","against":"e","compat":"open-r1","normalize":"full"}`, `{"do":"paraphrase"}`, `{"do":"paraphrase","against":"e","words":0}`,
		`{"do":"near-dedup","threshold":0.3}`, `{"do":"near-dedup","by":["x"]}`, `{"do":"near-dedup","ngram":0}`, `{"do":"pii","kinds":[]}`, `{"do":"pii","kinds":["x"]}`,
		`{"do":"loop","times":1}`, `{"do":"loop","words":0}`, `{"do":"truncated","mid_sentence":"x"}`, `{"do":"readable","letters":2}`, `{"do":"readable","word":0}`,
		`{"do":"repeated-lines","max":2}`, `{"do":"select","choose":"best"}`, `{"do":"cap"}`, `{"do":"cap","rows":0}`, `{"do":"cap","by_domain":{"a":-1}}`, `{"do":"shuffle","seed":1}`,
		`{"do":"behaviours"}`, `{"do":"behaviours","min":{"x":1}}`, `{"do":"behaviours","min":{"subgoals":3},"max":{"subgoals":2}}`, `{"do":"behaviours","mark":"prompt"}`,
		`{"do":"behaviours","mark":"m","targets":{"subgoals":1}}`, `{"do":"behaviours","targets":{"subgoals":-1}}`, `{"do":"behaviours","mark":"m","short":"x"}`,
		`{"do":"nearest"}`, `{"do":"nearest","against":"e","above":2}`, `{"do":"nearest","against":"e","keep":"x"}`,
	} {
		if _, err := ParseParams(steps(s)); err == nil {
			t.Errorf("%s: accepted", s)
		}
	}
}

// TestTheDocumentedStepsWork reads the example of docs/recipes.md.
func TestTheDocumentedStepsWork(t *testing.T) {
	raw, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, def := range Steps() {
		if !strings.Contains(string(raw), "{do: "+def.Name) {
			t.Errorf("docs/recipes.md does not show %s", def.Name)
		}
		for _, p := range def.Params {
			if !strings.Contains(string(raw), p.Name+":") {
				t.Errorf("docs/recipes.md does not show %s of %s", p.Name, def.Name)
			}
		}
	}
}

// A list given to one step is not the default of the next.
func TestDefaultsAreNotShared(t *testing.T) {
	p, err := ParseParams(steps(`{"do":"dedup","by":["id"]}`, `{"do":"dedup"}`))
	if err != nil {
		t.Fatal(err)
	}
	if by := p.steps[1].step.(dedup).By; fmt.Sprint(by) != "[prompt response]" {
		t.Errorf("the second dedup compares %v", by)
	}
}
