package curate

import (
	"errors"
	"fmt"
	"slices"
)

// pii drops rows whose prompt, response or text holds personal data or secrets
// of a form that can be told from other text:
//
//	email   an address, unless its domain is reserved for examples (example.com, .test, …)
//	phone   a number in international form (+44 20 7946 0958) or the North American one
//	        ((212) 555-0187, 212-555-0187); 555-01xx, which is reserved for fiction, is none
//	card    13 to 19 digits in groups of four as payment cards are written, with a right
//	        check digit; a bare run of digits only behind the word card
//	iban    an account number with right check digits
//	ssn     a US social security number with its hyphens, in the ranges that are issued
//	ip      a public IPv4 address in dotted form that does not stand in a longer one
//	secret  a private key, or a token that names its service (sk-…, ghp_…, AKIA…, xoxb-…, AIza…)
//
// kinds says which are looked for. Names and postal addresses need a model, and
// are not found. The reasons are these names; the first of the list that is found
// is given.
type pii struct {
	Kinds []string `json:"kinds"`
}

func piiKinds() []string { return []string{"email", "phone", "card", "iban", "ssn", "ip", "secret"} }

func piiDef() StepDef {
	return StepDef{
		Name: "pii", Doc: "drop rows with personal data or secrets",
		Params: []Param{{Name: "kinds", Type: "list", Default: piiKinds(), Allowed: piiKinds()}},
		decode: decodeInto(pii{Kinds: piiKinds()}),
	}
}

func (s pii) check() error {
	if len(s.Kinds) == 0 {
		return errors.New("kinds needs at least one kind")
	}
	for _, kind := range s.Kinds {
		if !slices.Contains(piiKinds(), kind) {
			return fmt.Errorf("kinds: %q is none of %v", kind, piiKinds())
		}
	}
	return nil
}

func (pii) needs() []string { return nil }

func (s pii) apply(r *row) string {
	finders := map[string]func(string) bool{
		"email": hasEmail, "phone": hasPhone, "card": hasCard, "iban": hasIBAN, "ssn": hasSSN, "ip": hasPublicIP, "secret": hasSecret,
	}
	for _, kind := range piiKinds() {
		if !slices.Contains(s.Kinds, kind) {
			continue
		}
		for _, text := range []string{r.prompt, r.response, r.text, r.chosen, r.rejected} {
			if finders[kind](text) {
				return kind
			}
		}
	}
	return ""
}
