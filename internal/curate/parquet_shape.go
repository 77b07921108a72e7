package curate

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// columnKind is a kind of JSON values, as a column may hold them.
type columnKind int

const (
	ofNothing columnKind = iota // only nulls so far
	ofBool
	ofInt
	ofFloat
	ofText
	ofList
	ofGroup
	ofMixed // different things in different rows: kept as JSON text
)

// maxGroup bounds the fields of a nested object: with more, its keys are data.
const maxGroup = 64

// column is what has been seen under one name; it grows into a Parquet type.
type column struct {
	kind   columnKind
	exact  bool // ofInt: some value is no float64
	elem   *column
	fields map[string]*column
}

// see widens the column so that it can hold v, too.
func (c *column) see(v any) {
	if c.kind == ofMixed || v == nil {
		return
	}
	kind, exact := kindOf(v)
	switch {
	case c.kind == ofNothing:
		c.kind = kind
	case c.kind == kind:
	case c.kind == ofInt && kind == ofFloat && !c.exact, c.kind == ofFloat && kind == ofInt && !exact:
		c.kind = ofFloat
	default:
		c.mix()
		return
	}
	c.exact = c.exact || exact
	switch t := v.(type) {
	case []any:
		if c.elem == nil {
			c.elem = &column{}
		}
		for _, e := range t {
			c.elem.see(e)
		}
	case map[string]any:
		if c.seeFields(t); len(c.fields) > maxGroup {
			c.mix()
		}
	}
}

func (c *column) seeFields(fields map[string]any) {
	if c.fields == nil {
		c.fields = map[string]*column{}
	}
	for name, value := range fields {
		f := c.fields[name]
		if f == nil {
			f = &column{}
			c.fields[name] = f
		}
		f.see(value)
	}
}

func (c *column) mix() { *c = column{kind: ofMixed} }

func kindOf(v any) (kind columnKind, exact bool) {
	switch t := v.(type) {
	case bool:
		return ofBool, false
	case string:
		return ofText, false
	case []any:
		return ofList, false
	case map[string]any:
		return ofGroup, false
	case json.Number:
		if strings.ContainsAny(string(t), ".eE") {
			if _, err := t.Float64(); err == nil {
				return ofFloat, false
			}
			return ofMixed, false
		}
		n, err := t.Int64()
		if err != nil {
			return ofMixed, false
		}
		return ofInt, n > 1<<53 || n < -(1<<53)
	}
	return ofMixed, false
}

// node is the column's Parquet type. Everything is optional.
func (c *column) node() parquet.Node {
	switch c.kind {
	case ofBool:
		return parquet.Optional(parquet.Leaf(parquet.BooleanType))
	case ofInt:
		return parquet.Optional(parquet.Int(64))
	case ofFloat:
		return parquet.Optional(parquet.Leaf(parquet.DoubleType))
	case ofText:
		return parquet.Optional(parquet.String())
	case ofList:
		return parquet.Optional(parquet.List(c.elem.node()))
	case ofGroup:
		if len(c.fields) > 0 {
			return parquet.Optional(c.group())
		}
	}
	return parquet.Optional(parquet.JSON())
}

func (c *column) group() parquet.Group {
	g := parquet.Group{}
	for name, f := range c.fields {
		g[name] = f.node()
	}
	return g
}

// value is v as the column's Parquet type takes it. What is not nested is a
// pointer, because the library takes 0, false and "" for nulls.
func (c *column) value(v any) any {
	if v == nil {
		return nil
	}
	switch c.kind {
	case ofBool:
		return new(v.(bool))
	case ofText:
		return new(v.(string))
	case ofInt:
		n, _ := v.(json.Number).Int64()
		return &n
	case ofFloat:
		f, err := v.(json.Number).Float64()
		if err != nil {
			f = math.NaN() // kindOf let none through
		}
		return &f
	case ofList:
		list := v.([]any)
		out := make([]any, len(list))
		for i, e := range list {
			out[i] = c.elem.value(e)
		}
		return out
	case ofGroup:
		if len(c.fields) > 0 {
			out := map[string]any{}
			for name, field := range v.(map[string]any) {
				out[name] = c.fields[name].value(field)
			}
			return out
		}
	}
	return new(string(encode(v)))
}
