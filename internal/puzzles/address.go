package puzzles

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Scheme starts every address of this package.
const Scheme = "rg://"

// Library is the pinned version of reasoning-gym: another may make other puzzles.
const Library = "0.1.25"

// rowsVersion is raised when equal puzzles become other rows.
const rowsVersion = 1

// The bounds of an address. Seed and size together fit the 32 bits of NumPy.
const (
	MaxSize = 1_000_000
	maxSeed = 1 << 31
)

// The splits. A puzzle is in one of them by the digest of its prompt, as problems
// of tiny:// are, so no choice of size or seed can make them overlap.
const (
	Train = "train"
	Test  = "test"
)

// Address is a parsed address with every parameter set.
type Address struct {
	Family string
	Size   int    // rows
	Seed   int64  // of the first puzzle; the next one has the next seed
	Domain string // of the rows
	// Split is Train or Test: only puzzles of that split. Empty takes all as they come.
	Split string
	// Settings are the family's own, by name, as JSON.
	Settings map[string]json.RawMessage
}

// own are the parameters that are no setting of a family.
var own = []string{"size", "seed", "domain", "split"}

var (
	domainPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	wordPattern   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
)

// Parse reads an address strictly: whatever it does not know is the r1.Error
// puzzle-address-invalid, which names the nearest thing that it does know. Only
// the values of settings are left to the library.
func Parse(text string) (Address, error) {
	a, why, nearest := parse(text)
	if why == "" {
		return a, nil
	}
	remedy := "Correct the address; rg://chain_sum?size=512&seed=1&max_terms=4 is an example, and docs/puzzles.md lists the families."
	if nearest != "" {
		remedy = fmt.Sprintf("Did you mean %q?", nearest)
	}
	return a, &r1.Error{Name: "puzzle-address-invalid", Detail: fmt.Sprintf("address %q: %s", text, why), Remedy: remedy}
}

// Check says in one phrase what is wrong with an address, or "".
func Check(text string) string {
	_, why, nearest := parse(text)
	if why != "" && nearest != "" {
		why += fmt.Sprintf("; did you mean %q?", nearest)
	}
	return why
}

func parse(text string) (a Address, why, nearest string) {
	rest, ok := strings.CutPrefix(text, Scheme)
	if !ok {
		return a, "it does not start with " + Scheme, ""
	}
	family, query, _ := strings.Cut(rest, "?")
	settings, ok := Settings(family)
	if !ok {
		return a, fmt.Sprintf("there is no family of puzzles %q", family), suggest.Nearest(family, Families())
	}
	if strings.Contains(query, "+") {
		return a, "+ would be read as a space: write %2B for the one, %20 for the other", ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return a, "its parameters cannot be read: " + err.Error(), ""
	}
	a = Address{Family: family, Size: 256, Seed: 1, Domain: "logic", Settings: map[string]json.RawMessage{}}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch {
		case len(values[key]) != 1:
			return a, key + " is given more than once", ""
		case slices.Contains(own, key):
			why = a.set(key, values[key][0])
		case slices.Contains(settings, key):
			a.Settings[key], why = setting(key, values[key][0])
		default:
			known := slices.Concat(own, settings)
			why = fmt.Sprintf("%s has no parameter %q; it has %s", family, key, strings.Join(known, ", "))
			nearest = suggest.Nearest(key, known)
		}
		if why != "" {
			return a, why, nearest
		}
	}
	return a, "", ""
}

// set assigns a parameter of our own and returns what is wrong with it, or "".
func (a *Address) set(key, value string) string {
	switch key {
	case "size":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > MaxSize {
			return fmt.Sprintf("size must be a whole number from 1 to %d, not %q", MaxSize, value)
		}
		a.Size = n
	case "seed":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || n > maxSeed {
			return fmt.Sprintf("seed must be a whole number from 0 to %d, not %q", maxSeed, value)
		}
		a.Seed = n
	case "domain":
		if !domainPattern.MatchString(value) {
			return fmt.Sprintf("domain must be lower case letters, digits and single dashes, not %q", value)
		}
		a.Domain = value
	case "split":
		if value != Train && value != Test {
			return fmt.Sprintf("split must be %s or %s, not %q", Train, Test, value)
		}
		a.Split = value
	}
	return ""
}

// setting reads the value of a setting: JSON, or a word, which is a string. Equal
// values get equal bytes; 1 and 1.0 are not equal, as Python tells them apart.
func setting(key, value string) (json.RawMessage, string) {
	var v any
	dec := json.NewDecoder(strings.NewReader(value))
	dec.UseNumber()
	err := dec.Decode(&v)
	if _, more := dec.Token(); err == nil && more != io.EOF {
		err = more
		if err == nil {
			err = io.ErrShortBuffer
		}
	}
	switch {
	case err == nil:
	case value == "True" || value == "False" || value == "None":
		return nil, fmt.Sprintf("%s is %q: JSON has true, false and null", key, value)
	case wordPattern.MatchString(value):
		v = value
	default:
		return nil, fmt.Sprintf("the value of %s is no JSON: %q", key, value)
	}
	raw, err := encode(v)
	if err != nil {
		return nil, fmt.Sprintf("the value of %s cannot be kept: %v", key, err)
	}
	return raw, ""
}

// String is the canonical address: every parameter of our own and the settings
// given, sorted by name. What spells the same thing differently has one of these.
func (a Address) String() string {
	values := url.Values{"size": {strconv.Itoa(a.Size)}, "seed": {strconv.FormatInt(a.Seed, 10)}, "domain": {a.Domain}}
	if a.Split != "" {
		values.Set("split", a.Split)
	}
	for key, value := range a.Settings {
		values.Set(key, string(value))
	}
	return Scheme + a.Family + "?" + strings.ReplaceAll(values.Encode(), "+", "%20")
}

// Digest identifies the rows of an address without making them: by what it says
// and by the version of the library.
func Digest(text string) (string, error) {
	a, err := Parse(text)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "puzzles/%d reasoning-gym/%s %s", rowsVersion, Library, a))
	return hex.EncodeToString(sum[:]), nil
}

// encode writes JSON on one line, with tags such as <think> as they are and keys
// in order.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
