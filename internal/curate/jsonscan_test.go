package curate

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzSplitObject holds splitObject against encoding/json: the same texts are
// objects, with the same fields, of the same values.
func FuzzSplitObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : 1 , "b" : [ 1 , {"c":null} ] } `, `{"a":"x\ny\"z\\ \u00e9 \ud83d\ude00 \ud800 \ud800\u0041 \/"}`, `{"a":1,"a":2}`, `{"a":-0.5e+10,"b":01}`,
		`{"a":tru}`, `{"a":"\x"}`, `{"a":"\u12G4"}`, `{"a":"` + "\t" + `"}`, `[1]`, `{"a":1}x`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `null`, ``, `{"a":1e}`, `{"a":.5}`, `{"a":1.}`,
		`{"\u0061":1}`, `{"a":"abcdefgh\\"}`, `{"a":"abcdefg`, `{"a":"12345678` + "\x01" + `"}`, `{"a":[[[[]]]],"b":{"":{}}}`, `{"a":"\u+123"}`, `{"a":"三\u4e09"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !utf8.Valid(raw) {
			return // refused before
		}
		var want map[string]json.RawMessage
		isObject := json.Unmarshal(raw, &want) == nil && want != nil
		got, ok := splitObject(raw, nil)
		if ok != isObject {
			t.Fatalf("%q: an object: %v, want %v", raw, ok, isObject)
		}
		if !ok {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d fields, want %d", raw, len(got), len(want))
		}
		for _, field := range got {
			value, present := want[field.name]
			if !present || !bytes.Equal(bytes.TrimSpace(value), field.value) {
				t.Fatalf("%q: %q is %s, want %s", raw, field.name, field.value, value)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, value); err != nil || !field.spaced && !bytes.Equal(compact.Bytes(), field.value) {
				t.Fatalf("%q: %q has white space", raw, field.name)
			}
			if field.value[0] == '"' {
				var s string
				if err := json.Unmarshal(value, &s); err != nil || unquote(field.value, field.escaped) != s {
					t.Fatalf("%q: %q is %q, want %q", raw, field.name, unquote(field.value, field.escaped), s)
				}
			}
		}
		// And the row is written as encoding/json writes the map.
		r := &row{fields: got}
		if want := encode(want); !bytes.Equal(r.encoded(), want) {
			t.Fatalf("%q is written %s, want %s", raw, r.encoded(), want)
		}
	})
}

func TestNestingHasALimit(t *testing.T) {
	for _, n := range []int{9998, 9999, 10000, 10001} {
		raw := []byte(`{"a":` + string(bytes.Repeat([]byte("["), n)) + string(bytes.Repeat([]byte("]"), n)) + `}`)
		var v map[string]json.RawMessage
		if _, ok := splitObject(raw, nil); ok != (json.Unmarshal(raw, &v) == nil) {
			t.Errorf("%d arrays: %v", n, ok)
		}
	}
}
