package recipes

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/hub"
)

// columnFields are the fields of a row that columns can name; a test compares
// them with those of curate.
func columnFields() enum {
	return enum{"id", "domain", "prompt", "response", "text", "chosen", "rejected", "gold", "verifier", "verdict", "finish", "tokens", "sample", "split"}
}

// sourceShape is data from outside, in a curate stage.
func sourceShape() object {
	fixed := []string{"domain", "verifier", "split"}
	return object{
		what: "a source",
		fields: []field{
			{name: "name", shape: name{}, required: true, doc: "in the funnel, and of the origin of rows"},
			{name: "address", shape: dataAddress, required: true, doc: "where the rows are"},
			{name: "columns", shape: columnNames{fields: columnFields()}, doc: "field: its name in the rows; a.b.0 leads into objects and lists"},
			{name: "domain", shape: text{}, doc: "of all rows"},
			{name: "verifier", shape: text{}, doc: "of all rows"},
			{name: "split", shape: text{}, doc: "of all rows"},
			{name: "licence", shape: text{}, doc: "recorded where the source itself names none"},
			{name: "revision", shape: text{}, doc: "what you call this state of the data, where the address does not say"},
		},
		check: func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
			good := true
			address, _ := v["address"].(string)
			if v["revision"] != nil && strings.HasPrefix(address, hub.Scheme) {
				d.breaks("value-shape", at(n, "revision"), join(path, "revision"), "the revision of a data set of the Hub stands in its address: hf://org/name@revision")
				good = false
			}
			columns, _ := v["columns"].(map[string]any)
			for _, key := range fixed {
				if v[key] != nil && columns[key] != nil {
					d.breaks("value-shape", at(n, key), join(path, key), "%s is a column of the rows already: columns.%s", key, key)
					good = false
				}
			}
			return good
		},
	}
}

// Pinned says whether what lies at an address can change without notice.
// revision is what the recipe calls its state.
func Pinned(address, revision string) bool {
	switch {
	case revision != "":
		return true
	case strings.HasPrefix(address, "s3://"):
		return false
	case strings.HasPrefix(address, hub.Scheme):
		a, err := hub.Parse(address)
		return err == nil && a.Pinned()
	}
	return true
}
