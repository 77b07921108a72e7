package reward_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/golden"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// docs/rewards.md ends with a reference made from the definitions.
func TestReference(t *testing.T) {
	const file, mark = "../../../docs/rewards.md", "<!-- made from internal/verify/reward: go test ./internal/verify/reward -update -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, got, ok := strings.Cut(string(page), mark)
	if !ok {
		t.Fatalf("%s has no line %q", file, mark)
	}
	want := reference()
	if golden.Updating() {
		if err := os.WriteFile(file, []byte(before+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the reference in %s is not that of the definitions: go test ./internal/verify/reward -update", file)
	}
}

func reference() string {
	var b strings.Builder
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	b.WriteString("\n## All rewards\n\n| reward | value | range | source | version |\n| --- | --- | --- | --- | --- |\n")
	for _, d := range reward.Definitions() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %d |\n", d.Name, cell(d.Formula), d.Range, d.Source, d.Version)
	}
	b.WriteString("\n## Parameters\n\nUpstream's keys of its YAML stand in brackets, and are accepted. A default under `compat: open-r1` that differs follows a slash.\n\n")
	b.WriteString("| reward | parameter | takes | default | |\n| --- | --- | --- | --- | --- |\n")
	for _, d := range reward.Definitions() {
		name := "`" + d.Name + "`"
		for _, p := range d.Params {
			key := "`" + p.Name + "`"
			for _, alias := range p.Aliases {
				key += " (`" + alias + "`)"
			}
			value := ""
			switch {
			case p.Required:
				value = "**required**"
			case p.OpenR1 != nil:
				value = fmt.Sprintf("%v / %v", p.Default, p.OpenR1)
			case p.Default != nil:
				value = fmt.Sprint(p.Default)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, key, p.Wanted(), value, cell(p.Doc))
			name = ""
		}
	}
	b.WriteString("\n## Where upstream is not followed\n\n`compat: open-r1` follows it.\n\n| reward | upstream | here | why |\n| --- | --- | --- | --- |\n")
	for _, d := range reward.Definitions() {
		name := "`" + d.Name + "`"
		for _, u := range d.Upstream {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, cell(u.Upstream), cell(u.Ours), cell(u.Why))
			name = ""
		}
	}
	return b.String()
}
