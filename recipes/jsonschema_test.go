package recipes

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A checker validates by the keywords that JSONSchema uses, and fails on any other.
type checker struct{ root map[string]any }

func (c checker) errors(s map[string]any, v any, at string) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	for key, rule := range s {
		switch key {
		case "$ref":
			target := c.root["definitions"].(map[string]any)[strings.TrimPrefix(rule.(string), "#/definitions/")]
			out = append(out, c.errors(target.(map[string]any), v, at)...)
		case "type":
			if !isType(v, rule.(string)) {
				bad("%v is no %s", v, rule)
			}
		case "enum":
			if !slices.Contains(rule.([]any), v) {
				bad("%v is none of %v", v, rule)
			}
		case "const":
			if v != rule {
				bad("%v is not %v", v, rule)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(rule.(string)).MatchString(text) {
				bad("%q does not match %s", text, rule)
			}
		case "minLength", "maxLength", "minItems", "minimum", "maximum", "exclusiveMinimum":
			if !within(key, v, rule.(float64)) {
				bad("%v: %s %v", v, key, rule)
			}
		case "items":
			list, _ := v.([]any)
			for i, e := range list {
				out = append(out, c.errors(rule.(map[string]any), e, fmt.Sprintf("%s[%d]", at, i))...)
			}
		case "anyOf":
			var first []string
			for _, option := range rule.([]any) {
				found := c.errors(option.(map[string]any), v, at)
				if len(found) == 0 {
					first = nil
					break
				}
				if first == nil {
					first = found
				}
			}
			out = append(out, first...)
		case "allOf":
			for _, part := range rule.([]any) {
				out = append(out, c.errors(part.(map[string]any), v, at)...)
			}
		case "then", "if":
			if key == "then" && len(c.errors(s["if"].(map[string]any), v, at)) == 0 {
				out = append(out, c.errors(rule.(map[string]any), v, at)...)
			}
		case "properties", "additionalProperties", "required":
			out = append(out, c.object(s, key, v, at)...)
		case "description", "default", "title", "$schema", "definitions":
		default:
			bad("the schema has the keyword %s", key)
		}
	}
	return out
}

func (c checker) object(s map[string]any, key string, v any, at string) []string {
	var out []string
	m, _ := v.(map[string]any)
	known, _ := s["properties"].(map[string]any)
	if key == "required" {
		for _, name := range s["required"].([]any) {
			if _, ok := m[name.(string)]; m != nil && !ok {
				out = append(out, fmt.Sprintf("%s: %s is missing", at, name))
			}
		}
		return out
	}
	for name, value := range m {
		sub, listed := known[name].(map[string]any)
		switch more := s["additionalProperties"].(type) {
		case map[string]any:
			if key == "additionalProperties" && !listed {
				out = append(out, c.errors(more, value, at+"."+name)...)
			}
		case bool:
			if key == "additionalProperties" && !listed && !more {
				out = append(out, fmt.Sprintf("%s: unknown key %s", at, name))
			}
		}
		if key == "properties" && listed {
			out = append(out, c.errors(sub, value, at+"."+name)...)
		}
	}
	return out
}

func isType(v any, want string) bool {
	switch t := v.(type) {
	case nil:
		return want == "null"
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && t == math.Trunc(t)
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	}
	return false
}

func within(key string, v any, bound float64) bool {
	switch t := v.(type) {
	case string:
		return (key != "minLength" || float64(len(t)) >= bound) && (key != "maxLength" || float64(len(t)) <= bound)
	case []any:
		return key != "minItems" || float64(len(t)) >= bound
	case float64:
		return (key != "minimum" || t >= bound) && (key != "maximum" || t <= bound) && (key != "exclusiveMinimum" || t > bound)
	}
	return true
}

// generic is a value as JSON has it.
func generic(t *testing.T, v any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func fileErrors(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	root := generic(t, JSONSchema())
	return checker{root}.errors(root, generic(t, doc), "recipe")
}

// The recipes that ship, and the one of r1ctl init, are valid by the schema.
func TestShippedRecipesAreValidBySchema(t *testing.T) {
	for _, file := range []string{"full-r1.yaml", "r1-zero.yaml", "starter/recipe.yaml"} {
		if found := fileErrors(t, file); len(found) > 0 {
			t.Errorf("%s:\n%s", file, strings.Join(found, "\n"))
		}
	}
}

// Mistakes that one line shows, Load and the schema both refuse.
func TestTheSchemaRefusesWhatLoadRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"an unknown key":       {"      steps: 60", "      stepz: 60"},
		"a wrong type":         {"      steps: 60", "      steps: many"},
		"out of range":         {"      group_size: 8", "      group_size: 1"},
		"an unknown kind":      {"    kind: grpo", "    kind: ppo"},
		"an unknown step":      {"{do: finished}", "{do: finish}"},
		"an unknown reward":    {"{name: accuracy, weight: 1}", "{name: acuracy, weight: 1}"},
		"a key of another":     {"{do: finished}", "{do: finished, ngram: 3}"},
		"a bad name":           {"  - name: held-out", "  - name: Held_Out"},
		"a missing kind":       {"    kind: grpo\n", ""},
		"a missing key inside": {"{do: decontaminate, against: eval, ngram: 10}", "{do: decontaminate, ngram: 10}"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(starter, change[0], change[1], 1)
			if text == starter {
				t.Fatal("the edit changed nothing")
			}
			file := filepath.Join(t.TempDir(), "r.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(file, Options{}); err == nil {
				t.Error("Load takes it")
			}
			if len(fileErrors(t, file)) == 0 {
				t.Error("the schema takes it")
			}
		})
	}
}

// Every parameter of every kind is in the schema, with what it is for.
func TestTheSchemaHasEveryParameter(t *testing.T) {
	root := generic(t, JSONSchema())
	definitions := root["definitions"].(map[string]any)
	for _, k := range kinds() {
		params := definitions[paramsOf(k)].(map[string]any)["properties"].(map[string]any)
		for _, f := range k.params {
			p, ok := params[f.name].(map[string]any)
			if !ok || p["description"] == "" {
				t.Errorf("%s.%s is not in the schema", k.name, f.name)
			}
		}
		if len(params) != len(k.params) {
			t.Errorf("%s has %d parameters in the schema, want %d", k.name, len(params), len(k.params))
		}
	}
}
