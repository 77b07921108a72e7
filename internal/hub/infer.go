package hub

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// namedFiles are the files of a split.
type namedFiles struct {
	name  string
	files []File
}

// Words in the names of files and folders that say which split they are. The
// lists are the Hub's conventions.
func splitWords() []split {
	return []split{
		{"train", []string{"train", "training"}},
		{"validation", []string{"validation", "valid", "dev", "val"}},
		{"test", []string{"test", "testing", "eval", "evaluation"}},
	}
}

var (
	dataShard      = regexp.MustCompile(`^data/(\w+(?:\.\w+)*)-[0-9]{5}-of-[0-9]{5}[^/]*$`)
	convertedShard = regexp.MustCompile(`^([^/]+)/([^/]+)/[0-9]{4}\.parquet$`)
)

// inferred finds the splits of files of which no card tells: data/NAME-00000-of-…
// if there are such, else by a word in a folder's name, else by one in the
// file's, else all files are train.
func (l layout) inferred(folder string) []namedFiles {
	var files []File
	for _, f := range l.all {
		if l.holdsRows(f.Path) && (folder == "" || strings.HasPrefix(f.Path, folder+"/")) {
			files = append(files, f)
		}
	}
	below := func(f File) string { return strings.TrimPrefix(strings.TrimPrefix(f.Path, folder), "/") }
	for _, nameOf := range []func(f File) string{
		func(f File) string {
			if m := dataShard.FindStringSubmatch(below(f)); m != nil {
				return m[1]
			}
			return ""
		},
		func(f File) string { return splitIn(path.Dir(below(f))) },
		func(f File) string { return splitIn(path.Base(below(f))) },
		func(File) string { return "train" },
	} {
		var out []namedFiles
		for _, f := range files {
			name := nameOf(f)
			if name == "" {
				continue
			}
			i := slices.IndexFunc(out, func(s namedFiles) bool { return s.name == name })
			if i < 0 {
				i = len(out)
				out = append(out, namedFiles{name: name})
			}
			out[i].files = append(out[i].files, f)
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// splitIn is the split that a word of a path names, or "".
func splitIn(p string) string {
	words := strings.FieldsFunc(p, func(r rune) bool { return strings.ContainsRune("-._ /0123456789", r) })
	for _, s := range splitWords() {
		for _, w := range words {
			if slices.Contains(s.patterns, w) {
				return s.name
			}
		}
	}
	return ""
}

// converted are the configs of the Hub's own conversion to Parquet, which has no
// card: config/split/0000.parquet.
func (l layout) converted() []config {
	var out []config
	for _, f := range l.all {
		if !l.holdsRows(f.Path) {
			continue
		}
		m := convertedShard.FindStringSubmatch(f.Path)
		if m == nil {
			return nil
		}
		i := slices.IndexFunc(out, func(c config) bool { return c.name == m[1] })
		if i < 0 {
			i = len(out)
			out = append(out, config{name: m[1], folder: m[1]})
		}
		if !slices.ContainsFunc(out[i].splits, func(s split) bool { return s.name == m[2] }) {
			out[i].splits = append(out[i].splits, split{m[2], []string{m[2] + "/*.parquet"}})
		}
	}
	return out
}
