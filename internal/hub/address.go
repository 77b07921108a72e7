package hub

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Scheme begins the addresses of data sets.
const Scheme = "hf://"

// An Address names files of a data set:
//
//	hf://org/name[@revision][/path][?config=NAME&split=NAME]
//
// path is a file, a folder or a pattern (*, **, [0-9], {a,b}); without it the
// files are those of a split. A slash in a revision is written %2F, but for
// refs/convert/parquet and refs/pr/N.
type Address struct {
	Repo     string // org/name
	Revision string // a branch, tag or commit; "": main
	Path     string
	Config   string
	Split    string
	// Model says that it is a model's: those have no path, config or split. OpenModel sets it.
	Model bool
}

var (
	partPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	revisionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	refPattern      = regexp.MustCompile(`^refs/(convert/[a-z]+|pr/[0-9]+)(/|$)`)
)

// Check says what is wrong with an address, or "".
func Check(address string) string {
	if _, err := Parse(address); err != nil {
		return err.Error()
	}
	return ""
}

// Parse reads an address. hf://datasets/org/name, as the Hub's own client has it, is taken too.
func Parse(address string) (Address, error) {
	rest, ok := strings.CutPrefix(address, Scheme)
	if !ok {
		return Address{}, errors.New("it does not begin with " + Scheme)
	}
	rest, query, _ := strings.Cut(strings.TrimPrefix(rest, "datasets/"), "?")
	org, rest, _ := strings.Cut(rest, "/")
	end := strings.IndexAny(rest, "@/")
	if end < 0 {
		end = len(rest)
	}
	name, rest := rest[:end], rest[end:]
	if !partPattern.MatchString(org) || !partPattern.MatchString(name) {
		return Address{}, errors.New("expected hf://org/name")
	}
	a := Address{Repo: org + "/" + name}
	if revision, found := strings.CutPrefix(rest, "@"); found {
		if a.Revision, rest = cutRevision(revision); !revisionPattern.MatchString(a.Revision) || strings.Contains(a.Revision, "..") {
			return a, fmt.Errorf("%q is no revision: expected a branch, tag or commit", a.Revision)
		}
	}
	a.Path = strings.Trim(rest, "/")
	if slices.Contains(strings.Split(a.Path, "/"), "..") {
		return a, errors.New("the path holds \"..\", which leads out of the data set")
	}
	return a, a.readQuery(query)
}

// cutRevision takes the revision off what follows the @.
func cutRevision(s string) (revision, rest string) {
	if ref := refPattern.FindString(s); ref != "" {
		ref = strings.TrimSuffix(ref, "/")
		return ref, s[len(ref):]
	}
	end := strings.IndexByte(s, '/')
	if end < 0 {
		end = len(s)
	}
	if plain, err := url.PathUnescape(s[:end]); err == nil {
		return plain, s[end:]
	}
	return s[:end], s[end:]
}

func (a *Address) readQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("what follows the ? cannot be read: %w", err)
	}
	into := map[string]*string{"config": &a.Config, "split": &a.Split}
	for key, value := range values {
		to := into[key]
		if to == nil {
			return fmt.Errorf("unknown key %q after the ?%s", key, didYouMean(key, []string{"config", "split"}))
		}
		if len(value) != 1 || value[0] == "" {
			return fmt.Errorf("%s needs one name", key)
		}
		*to = value[0]
	}
	if a.Path != "" && len(values) > 0 {
		return errors.New("a path names the files already: leave out config and split, or the path")
	}
	return nil
}

// page is where a person looks, below the endpoint.
func (a Address) page() string {
	if a.Model {
		return "/" + a.Repo
	}
	return "/datasets/" + a.Repo
}

// repoType is what the Hub's own client calls it.
func (a Address) repoType() string {
	if a.Model {
		return "model"
	}
	return "dataset"
}

// noun is what the address is one of.
func (a Address) noun() string {
	if a.Model {
		return "model"
	}
	return "data set"
}

// Pinned says whether the address names a revision that is no branch that moves.
func (a Address) Pinned() bool { return a.Revision != "" && a.Revision != "main" }

// String is the address as it is compared: two that mean the same are equal.
func (a Address) String() string {
	s := Scheme + a.Repo
	if a.Revision != "" {
		revision := a.Revision
		if !refPattern.MatchString(revision) {
			revision = strings.ReplaceAll(revision, "/", "%2F")
		}
		s += "@" + revision
	}
	if a.Path != "" {
		s += "/" + a.Path
	}
	values := url.Values{}
	if a.Config != "" {
		values.Set("config", a.Config)
	}
	if a.Split != "" {
		values.Set("split", a.Split)
	}
	if len(values) > 0 {
		s += "?" + values.Encode()
	}
	return s
}

// didYouMean is the nearest name, or all of them where there are few.
func didYouMean(got string, names []string) string {
	if near := suggest.Nearest(got, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(names) > 0 && len(names) <= 12 {
		return "; there is " + strings.Join(names, ", ")
	}
	return ""
}
