package recipes

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// What a recipe may say of a curate step is what the step takes.
func TestCurateStepsMatch(t *testing.T) {
	var got, want []string
	for _, v := range curateSteps.variants {
		for _, f := range append([]field{{name: "-"}}, v.fields...) {
			got = append(got, fmt.Sprintf("%s.%s required=%v default=%v", v.name, f.name, f.required, f.value))
		}
	}
	for _, s := range curate.Steps() {
		for _, p := range append([]curate.Param{{Name: "-"}}, s.Params...) {
			want = append(want, fmt.Sprintf("%s.%s required=%v default=%v", s.Name, p.Name, p.Required, p.Default))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("recipes know\n%s\ncurate takes\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What columns may name, and in which formats rows are written, is what curate says.
func TestCurateFieldsMatch(t *testing.T) {
	if !slices.Equal(columnFields(), curate.ColumnFields()) {
		t.Errorf("recipes know the fields %q, curate takes %q", columnFields(), curate.ColumnFields())
	}
	for _, f := range kindOf(kinds(), "curate").params {
		if f.name == "format" && !slices.Equal(f.shape.(enum), curate.Formats()) {
			t.Errorf("recipes know the formats %q, curate writes %q", f.shape, curate.Formats())
		}
	}
}

// docs/recipes.md ends with a reference made from the schema.
func TestReference(t *testing.T) {
	const file, mark = "../docs/recipes.md", "<!-- made from recipes/kinds.go: go test ./recipes -update -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, got, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s has no line %q", file, mark)
	}
	want := reference()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(before+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the reference in %s is not that of the schema: go test ./recipes -update", file)
	}
}

func reference() string {
	var b strings.Builder
	for _, k := range kinds() {
		fmt.Fprintf(&b, "\n### %s: %s\n", k.name, k.doc)
		b.WriteString("| parameter | takes | default | |\n| --- | --- | --- | --- |\n")
		for _, f := range k.params {
			value, doc := "", f.doc
			switch {
			case f.required:
				value = "**required**"
			case f.name == "rewards":
				value = "accuracy"
			case f.name == "guards":
				value = "all of them"
			case f.value != nil:
				value = fmt.Sprint(f.value)
			}
			switch {
			case f.bears != nil:
				doc += " (bears on the result only where one rolls back)"
			case f.inert:
				doc += " (does not bear on the result)"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.shape.want(), value, doc)
		}
	}
	b.WriteString("\n### Sources\nOf a curate stage; what an address means is [above](#data-from-outside).\n\n| key | takes | |\n| --- | --- | --- |\n")
	for _, f := range sourceShape().fields {
		if f.required {
			f.doc += "; **required**"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, f.shape.want(), f.doc)
	}
	b.WriteString("\n### Guards\n" + "What they do is in [job-contract.md](job-contract.md#guards).\n\n")
	b.WriteString("| of | guard | speaks when | threshold | takes | default | |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, of := range []struct {
		kinds  string
		guards []guard
		fields []field
	}{{"grpo", rlGuards, nil}, {"sft, distill, reward-model", tuningGuards, nil}} {
		for _, g := range of.guards {
			of.fields = guards([]guard{g}).shape.(object).fields[0].shape.(object).fields
			for _, f := range of.fields[:len(of.fields)-2] { // change and most are told of below
				fmt.Fprintf(&b, "| %s | `%s` | %s | `%s` | %s | %v | %s |\n", of.kinds, g.name, g.doc, f.name, f.shape.want(), f.value, f.doc)
				of.kinds, g.name, g.doc = "", "", ""
			}
		}
	}
	b.WriteString("\n### Roll-back\nWhat it does is in [job-contract.md](job-contract.md#roll-back).\n\n")
	b.WriteString("`{do: roll-back, change: {learning_rate: {times: 0.5}, kl_beta: {to: 0.01}}, most: 2}`: each of the parameters below may change, by a factor or to a value; " +
		"`most` is how often the guard may roll a job back before it stops it.\n\n")
	b.WriteString("| kind | may change |\n| --- | --- |\n")
	for _, k := range kinds() {
		for _, f := range k.params {
			if f.name == "guards" {
				names := f.shape.(object).fields[0].shape.(object).field("change").shape.(object).names()
				fmt.Fprintf(&b, "| %s | `%s` |\n", k.name, strings.Join(names, "`, `"))
			}
		}
	}
	return strings.ReplaceAll(b.String(), "| `` |", "| |")
}

// The trainer's tests replay recorded runs through the guards as they are by default.
func TestDefaultGuards(t *testing.T) {
	const file = "testdata/guards.json"
	defaults := map[r1.Kind]any{r1.KindGRPO: guards(rlGuards).value, r1.KindSFT: guards(tuningGuards).value}
	want, err := json.MarshalIndent(defaults, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, append(want, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want)+"\n" {
		t.Errorf("%s does not hold the default guards (%v): go test ./recipes -update", file, err)
	}
}

// Every kind of the plan has a schema, and each parameter is documented.
func TestKindsAreComplete(t *testing.T) {
	all := kinds()
	for i, name := range r1.Kinds() {
		if all[i].name != name {
			t.Fatalf("kind %d is %s, want %s", i, all[i].name, name)
		}
		for _, f := range all[i].params {
			if f.doc == "" {
				t.Errorf("%s.%s has no doc", name, f.name)
			}
			if f.required && f.value != nil {
				t.Errorf("%s.%s is required and has a default", name, f.name)
			}
		}
	}
}
