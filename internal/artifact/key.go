package artifact

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	maxKeyLength     = 1024
	maxSegmentLength = 255 // the embedded server keeps a segment as a file name
)

// CheckKey refuses keys that are not canonical. Servers disagree on what "..",
// "//" and a leading slash mean, so one object could go by two names.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("key is empty")
	case len(key) > maxKeyLength:
		return fmt.Errorf("key %.40q… is longer than %d bytes", key, maxKeyLength)
	case !utf8.ValidString(key):
		return fmt.Errorf("key %q is not valid UTF-8", key)
	case strings.ContainsFunc(key, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }):
		return fmt.Errorf("key %q holds a backslash or a control character", key)
	case !fs.ValidPath(key) || key == ".":
		return fmt.Errorf("key %q is not canonical (leading or trailing slash, empty, '.' or '..' segment)", key)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if len(segment) > maxSegmentLength {
			return fmt.Errorf("key %.40q… has a segment longer than %d bytes", key, maxSegmentLength)
		}
	}
	return nil
}

// checkPath refuses paths that cannot be a file of an artifact: what CheckKey
// refuses, the manifest's own name, and our folder of unfinished downloads.
func checkPath(p string) error {
	err := CheckKey(p)
	first, _, _ := strings.Cut(p, "/")
	if err == nil && (p == r1.ManifestFile || first == partialDir) {
		err = fmt.Errorf("the name %q is reserved", p)
	}
	if err != nil {
		return &r1.Error{Name: "artifact-bad-path", Detail: fmt.Sprintf("an artifact cannot hold the file %q", p),
			Remedy: "rename the file", Err: err}
	}
	return nil
}

// isDigest tells whether s is a sha256 in lower-case hex.
func isDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}
