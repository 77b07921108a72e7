package recipes_test

import (
	"path/filepath"
	"testing"

	"github.com/r1ctl/r1ctl/recipes"
)

// An address of puzzles has an identity of its own: how it is spelt is none of
// it, what it says and the version of the library are.
func TestPuzzlesInFingerprints(t *testing.T) {
	fingerprint := func(address string) string {
		file := filepath.Join(t.TempDir(), "r.yaml")
		write(t, file, "recipe: r\nstages: [{name: rows, kind: curate, params: {sources: [{name: p, address: '"+address+"'}], steps: []}}]\n")
		r, err := recipes.Load(file, recipes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return plan(t, r).Stages[0].Jobs[0].Fingerprint
	}
	base := fingerprint("rg://chain_sum?size=8&max_terms=4")
	if got := fingerprint("rg://chain_sum?max_terms=4&seed=1&size=8&domain=logic"); got != base {
		t.Error("another spelling has another fingerprint")
	}
	for _, other := range []string{"rg://chain_sum?size=9&max_terms=4", "rg://chain_sum?size=8&max_terms=5", "rg://lcm?size=8"} {
		if fingerprint(other) == base {
			t.Errorf("%s has the same fingerprint", other)
		}
	}
}
