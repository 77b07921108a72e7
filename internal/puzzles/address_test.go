package puzzles_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/puzzles"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestAddresses(t *testing.T) {
	for address, canonical := range map[string]string{
		"rg://chain_sum":                                          "rg://chain_sum?domain=logic&seed=1&size=256",
		"rg://chain_sum?size=10&seed=7":                           "rg://chain_sum?domain=logic&seed=7&size=10",
		"rg://chain_sum?seed=7&size=10&domain=logic":              "rg://chain_sum?domain=logic&seed=7&size=10",
		"rg://chain_sum?size=010&max_terms=4&min_terms=3":         "rg://chain_sum?domain=logic&max_terms=4&min_terms=3&seed=1&size=10",
		"rg://chain_sum?allow_negation=true&split=test&domain=a":  "rg://chain_sum?allow_negation=true&domain=a&seed=1&size=256&split=test",
		`rg://countdown?operators=["%2B","-"]`:                    "rg://countdown?domain=logic&operators=%5B%22%2B%22%2C%22-%22%5D&seed=1&size=256",
		`rg://countdown?operators=[%20"%2B", "-" ]`:               "rg://countdown?domain=logic&operators=%5B%22%2B%22%2C%22-%22%5D&seed=1&size=256",
		"rg://word_sorting?transformation=original":               "rg://word_sorting?domain=logic&seed=1&size=256&transformation=%22original%22",
		`rg://word_sorting?transformation="original"`:             "rg://word_sorting?domain=logic&seed=1&size=256&transformation=%22original%22",
		"rg://coin_flip?seed=2147483648&size=1000000":             "rg://coin_flip?domain=logic&seed=2147483648&size=1000000",
		`rg://word_sorting?transformation="a%20%2B%26b"`:          "rg://word_sorting?domain=logic&seed=1&size=256&transformation=%22a%20%2B%26b%22",
		"rg://binary_matrix?p_zero=0.25":                          "rg://binary_matrix?domain=logic&p_zero=0.25&seed=1&size=256",
		"rg://simple_geometry?max_angle=100000000000000000000001": "rg://simple_geometry?domain=logic&max_angle=100000000000000000000001&seed=1&size=256",
	} {
		a, err := puzzles.Parse(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := a.String(); got != canonical {
			t.Errorf("%s:\ngot  %s\nwant %s", address, got, canonical)
		}
		again, err := puzzles.Parse(canonical)
		if err != nil || again.String() != canonical {
			t.Errorf("the canonical %s reads as %s (%v)", canonical, again, err)
		}
		if why := puzzles.Check(address); why != "" {
			t.Errorf("%s: %s", address, why)
		}
	}
}

func TestWrongAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"tiny://arithmetic":                       "it does not start with rg://",
		"rg://":                                   `there is no family of puzzles ""`,
		"rg://chain_sums":                         `there is no family of puzzles "chain_sums"; did you mean "chain_sum"?`,
		"rg://codeio?size=4":                      `there is no family of puzzles "codeio"`,
		"rg://chain_sum?sizes=4":                  `it has size, seed, domain, split, allow_negation, max_digits, max_terms, min_digits, min_terms; did`,
		"rg://chain_sum?max_term=4":               `did you mean "max_terms"?`,
		"rg://spell_backward?data_file=x":         `spell_backward has no parameter "data_file"`,
		"rg://chain_sum?size=0":                   `size must be a whole number from 1 to 1000000, not "0"`,
		"rg://chain_sum?size=1000001":             `not "1000001"`,
		"rg://chain_sum?size=ten":                 `not "ten"`,
		"rg://chain_sum?size=":                    `not ""`,
		"rg://chain_sum?seed=-1":                  `seed must be a whole number from 0`,
		"rg://chain_sum?size=1&size=2":            "size is given more than once",
		"rg://chain_sum?split=dev":                `split must be train or test, not "dev"`,
		"rg://chain_sum?domain=A%2Fb":             `domain must be`,
		"rg://chain_sum?allow_negation=True":      `allow_negation is "True": JSON has true, false and null`,
		"rg://chain_sum?max_terms=3%20x":          `the value of max_terms is no JSON: "3 x"`,
		"rg://chain_sum?max_terms=":               `the value of max_terms is no JSON: ""`,
		`rg://countdown?operators=["+"]`:          "+ would be read as a space: write %2B for the one, %20 for the other",
		`rg://countdown?operators=["%2B"`:         `the value of operators is no JSON`,
		"rg://chain_sum?max_terms=%zz":            "its parameters cannot be read",
		"rg://chain_sum?max_terms=1;min_terms=1":  "its parameters cannot be read",
		`rg://chain_sum?max_terms={"a":1}{"b":2}`: `the value of max_terms is no JSON`,
	} {
		if why := puzzles.Check(address); !strings.Contains(why, want) {
			t.Errorf("%s: got %q, want %q", address, why, want)
		}
		_, err := puzzles.Parse(address)
		if e, ok := r1.AsError(err); !ok || e.Name != "puzzle-address-invalid" || e.Remedy == "" {
			t.Errorf("%s: got the error %v", address, err)
		}
	}
}

func TestDigests(t *testing.T) {
	digest := func(address string) string {
		d, err := puzzles.Digest(address)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := digest("rg://chain_sum?size=10&max_terms=4")
	for _, same := range []string{"rg://chain_sum?max_terms=4&size=10", "rg://chain_sum?max_terms=%34&seed=1&size=10&domain=logic"} {
		if digest(same) != base {
			t.Errorf("%s has another digest", same)
		}
	}
	for _, other := range []string{
		"rg://chain_sum?size=11&max_terms=4", "rg://chain_sum?size=10&max_terms=5", "rg://chain_sum?size=10&max_terms=4.0",
		"rg://chain_sum?size=10&max_terms=4&seed=2", "rg://chain_sum?size=10&max_terms=4&split=train",
		"rg://chain_sum?size=10&max_terms=4&domain=a", "rg://lcm?size=10",
	} {
		if digest(other) == base {
			t.Errorf("%s has the same digest", other)
		}
	}
}

// The version in the digests is the one that the environment is built with.
func TestLibraryIsThePinnedOne(t *testing.T) {
	lock, err := os.ReadFile("../../trainer/requirements.lock")
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`(?m)^reasoning-gym==(\S+)`).FindSubmatch(lock)
	if pinned == nil || string(pinned[1]) != puzzles.Library {
		t.Errorf("the lock has %q, Library is %s: correct it, and make families.txt anew (docs/puzzles.md)", pinned, puzzles.Library)
	}
}

func TestFamilies(t *testing.T) {
	names := puzzles.Families()
	if len(names) < 90 || !slices.IsSorted(names) {
		t.Fatalf("%d families: %v", len(names), names)
	}
	for _, name := range names {
		if _, ok := puzzles.Settings(name); !ok {
			t.Errorf("%s has no settings", name)
		}
	}
}

// Any text is an address or an error, and a canonical address is its own.
func FuzzParse(f *testing.F) {
	f.Add("rg://chain_sum?size=10&max_terms=4")
	f.Add(`rg://countdown?operators=["%2B"]&split=test`)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := puzzles.Parse(text)
		if err != nil {
			return
		}
		if again, err := puzzles.Parse(a.String()); err != nil || again.String() != a.String() {
			t.Errorf("%q is %s, which is %s (%v)", text, a, again, err)
		}
	})
}
