package reward

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Type is the type of a parameter.
type Type int

// The types of parameters, and what their values are in Go.
const (
	Number Type = iota // float64
	Whole              // int64
	Flag               // bool
	Text               // string
)

// Param is one parameter of a reward.
type Param struct {
	Name    string
	Aliases []string // the keys of open-r1's YAML for the same
	Type    Type
	Default any // nil: absent where it is not given
	OpenR1  any // the default under compat, where it differs
	Doc     string
	Choices []string       // of Text
	Pattern *regexp.Regexp // of Text
	Want    string         // completes "expected …" where type and choices do not say it
	// Least bounds Number and Whole from below.
	Least *float64
	// Required has no default.
	Required bool
	// Ours does not exist upstream: it is refused under compat.
	Ours bool
}

// Params are the parameters of a reward by name, of the Go types that their
// Type names.
type Params map[string]any

// Compat is the name of the parameter that asks for upstream's rules, and
// OpenR1 its only value.
const (
	Compat = "compat"
	OpenR1 = "open-r1"
)

func (p Params) openR1() bool               { return p[Compat] == OpenR1 }
func (p Params) number(name string) float64 { v, _ := p[name].(float64); return v }
func (p Params) whole(name string) int64    { v, _ := p[name].(int64); return v }
func (p Params) flag(name string) bool      { v, _ := p[name].(bool); return v }
func (p Params) text(name string) string    { v, _ := p[name].(string); return v }

// Problem is what is wrong with the parameters of a reward.
type Problem struct {
	Param   string // "" when it is about none in particular
	Unknown bool   // there is no such parameter
	Text    string
}

func (p Problem) Error() string {
	if p.Param == "" || p.Unknown {
		return p.Text
	}
	return p.Param + ": " + p.Text
}

// Decode checks values given for a reward's parameters and fills in what is
// missing. Values are what YAML or JSON make of them: bool, string, int, int64
// or float64. Aliases are accepted; the result has only proper names.
func (d *Definition) Decode(values map[string]any) (Params, []Problem) {
	var problems []Problem
	out := Params{}
	for _, key := range sorted(values) {
		p := d.param(key)
		if p == nil {
			problems = append(problems, Problem{key, true, fmt.Sprintf("unknown parameter %q of the reward %s%s", key, d.Name, hint(key, d.paramNames()))})
			continue
		}
		if _, twice := out[p.Name]; twice {
			problems = append(problems, Problem{Param: key, Text: fmt.Sprintf("given twice: %s is another name of it", otherName(*p, key))})
			continue
		}
		v, ok := p.Convert(values[key])
		if !ok {
			text := fmt.Sprintf("expected %s, found %s", p.Wanted(), shown(values[key]))
			if s, isText := values[key].(string); isText && p.Choices != nil {
				if near := suggest.Nearest(s, p.Choices); near != "" {
					text += fmt.Sprintf("; did you mean %q?", near)
				}
			}
			problems = append(problems, Problem{Param: key, Text: text})
			continue
		}
		out[p.Name] = v
	}
	if len(problems) > 0 {
		return nil, problems
	}
	upstream := out.openR1()
	for _, p := range d.Params {
		_, given := out[p.Name]
		switch {
		case given && upstream && p.Ours:
			problems = append(problems, Problem{Param: p.Name, Text: "open-r1 has no such parameter: leave it out, or leave out compat"})
		case given:
		case p.Required:
			problems = append(problems, Problem{Text: fmt.Sprintf("%s is missing: expected %s", p.Name, p.Wanted())})
		case upstream && p.OpenR1 != nil:
			out[p.Name] = p.OpenR1
		case p.Default != nil && !(upstream && p.Ours):
			out[p.Name] = p.Default
		}
	}
	if len(problems) == 0 && d.check != nil {
		problems = d.check(out)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return out, nil
}

// param finds a parameter by its name or another name of it.
func (d *Definition) param(name string) *Param {
	for i, p := range d.Params {
		if p.Name == name || slices.Contains(p.Aliases, name) {
			return &d.Params[i]
		}
	}
	return nil
}

func (d *Definition) paramNames() []string {
	names := make([]string, len(d.Params))
	for i, p := range d.Params {
		names[i] = p.Name
	}
	return names
}

func otherName(p Param, given string) string {
	if given != p.Name {
		return p.Name
	}
	return strings.Join(p.Aliases, " or ")
}

// Wanted completes "expected …".
func (p Param) Wanted() string {
	switch {
	case p.Want != "":
		return p.Want
	case p.Choices != nil:
		return "one of " + strings.Join(p.Choices, ", ")
	}
	from := ""
	if p.Least != nil {
		from = fmt.Sprintf(" from %g", *p.Least)
	}
	switch p.Type {
	case Number:
		return "a number" + from
	case Whole:
		return "a whole number" + from
	case Flag:
		return "true or false"
	default:
		return "text"
	}
}

// Convert gives a value its Go type; ok is false where it cannot be one of the parameter.
func (p Param) Convert(v any) (value any, ok bool) {
	switch p.Type {
	case Flag:
		b, ok := v.(bool)
		return b, ok
	case Text:
		s, ok := v.(string)
		if !ok || s == "" || p.Choices != nil && !slices.Contains(p.Choices, s) || p.Pattern != nil && !p.Pattern.MatchString(s) {
			return nil, false
		}
		return s, true
	}
	var f float64
	switch n := v.(type) {
	case int:
		f = float64(n)
	case int64:
		f = float64(n)
	case float64:
		f = n
	default:
		return nil, false
	}
	if math.IsNaN(f) || math.IsInf(f, 0) || p.Least != nil && f < *p.Least {
		return nil, false
	}
	if p.Type == Number {
		return f, true
	}
	if f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return nil, false
	}
	return int64(f), true
}

// Parse reads parameters as a command line gives them, name=value each.
func (d *Definition) Parse(pairs []string) (map[string]any, error) {
	values := map[string]any{}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, invalid(d.Name, Problem{Text: fmt.Sprintf("expected NAME=VALUE, found %q", pair)})
		}
		if _, twice := values[key]; twice {
			return nil, invalid(d.Name, Problem{Param: key, Text: "given twice"})
		}
		var v any = text
		if p := d.param(key); p != nil && p.Type != Text {
			if b, err := strconv.ParseBool(text); err == nil && p.Type == Flag {
				v = b
			} else if f, err := strconv.ParseFloat(text, 64); err == nil && p.Type != Flag {
				v = f
			}
		}
		values[key] = v
	}
	return values, nil
}

func sorted(values map[string]any) []string {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func shown(v any) string {
	switch t := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(t)
	case string:
		if len(t) > 60 {
			t = strings.ToValidUTF8(t[:60], "") + "…"
		}
		return fmt.Sprintf("the text %q", t)
	case int, int64, float64:
		return fmt.Sprintf("the number %v", t)
	default:
		return "a list or map"
	}
}

func hint(name string, candidates []string) string {
	if near := suggest.Nearest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(candidates) == 0 {
		return "; it takes none"
	}
	return "; valid: " + strings.Join(candidates, ", ")
}
