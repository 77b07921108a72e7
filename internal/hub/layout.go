package hub

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// layout chooses files of a data set by an address.
type layout struct {
	address Address
	all     []File
	endings []string
	page    string // where a person looks
}

// choose gives the files of the path, or of the split.
func (l layout) choose(c card) ([]File, error) {
	var files []File
	var err error
	if l.address.Path != "" {
		files, err = l.byPath()
	} else {
		files, err = l.bySplit(c)
	}
	if err != nil {
		return nil, err
	}
	return files, l.whole(files)
}

// byPath is a file, the files of a folder, or those of a pattern.
func (l layout) byPath() ([]File, error) {
	p := l.address.Path
	var named []File
	for _, f := range l.all {
		if f.Path == p {
			return l.readable([]File{f})
		}
		if match, _ := doublestar.Match(p, f.Path); match || strings.HasPrefix(f.Path, p+"/") {
			named = append(named, f)
		}
	}
	if len(named) == 0 {
		var names []string
		for _, f := range l.all {
			names = append(names, f.Path)
		}
		return nil, &r1.Error{
			Name: "hub-file-not-found", Detail: fmt.Sprintf("the data set %s has no file %s%s", l.address.Repo, p, didYouMean(p, names)),
			Remedy: "look at " + l.page + "/tree/main",
		}
	}
	return l.readable(named)
}

// readable leaves out what holds no rows, and tells if nothing is left.
func (l layout) readable(files []File) ([]File, error) {
	var out []File
	for _, f := range files {
		if l.holdsRows(f.Path) {
			out = append(out, f)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	detail := fmt.Sprintf("the data set %s has no files", l.address.Repo)
	if len(files) > 0 {
		detail = fmt.Sprintf("none of the %d files of %s is in a format that can be read (%s), such as %s",
			len(files), l.address, strings.Join(l.endings, ", "), example(files))
	}
	return nil, &r1.Error{
		Name: "hub-format", Detail: detail,
		Remedy: "the Hub has most data sets as Parquet too: " + Scheme + l.address.Repo + "@refs/convert/parquet",
	}
}

// example is a file that looks like data.
func example(files []File) string {
	for _, f := range files {
		if name := path.Base(f.Path); name != cardFile && !strings.HasPrefix(name, ".") {
			return f.Path
		}
	}
	return files[0].Path
}

// holdsRows says whether a file is data by its name.
func (l layout) holdsRows(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "__") {
			return false
		}
	}
	if slices.Contains([]string{"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json", "config.json"}, path.Base(p)) {
		return false
	}
	return slices.ContainsFunc(l.endings, func(e string) bool { return strings.HasSuffix(p, "."+e) })
}

// bySplit is the files of the split, of the config, that the address names.
func (l layout) bySplit(c card) ([]File, error) {
	configs := c.configs
	if len(configs) == 0 {
		configs = l.converted()
	}
	if len(configs) == 0 {
		configs = []config{{name: "default"}}
	}
	chosen, err := l.config(configs)
	if err != nil {
		return nil, err
	}
	splits := chosen.splits
	var found []namedFiles
	if splits == nil {
		found = l.inferred(chosen.folder)
	}
	for _, s := range splits {
		found = append(found, namedFiles{s.name, l.matching(chosen.folder, s.patterns)})
	}
	names := make([]string, len(found))
	for i, s := range found {
		names[i] = s.name
	}
	i := slices.Index(names, l.address.Split)
	switch {
	case len(found) == 0:
		return l.readable(l.all)
	case l.address.Split != "" && i < 0:
		return nil, l.choice("split", l.address.Split, names)
	case l.address.Split == "" && len(found) > 1:
		return nil, l.choice("split", "", names)
	case i < 0:
		i = 0
	}
	return l.readable(found[i].files)
}

func (l layout) config(configs []config) (config, error) {
	var names []string
	at := -1
	for i, c := range configs {
		names = append(names, c.name)
		switch {
		case l.address.Config != "":
			if c.name == l.address.Config {
				at = i
			}
		case len(configs) == 1, c.first, c.name == "default" && at < 0:
			at = i
		}
	}
	if at < 0 {
		return config{}, l.choice("config", l.address.Config, names)
	}
	return configs[at], nil
}

// choice says that a name is missing or wrong, and which there are.
func (l layout) choice(what, got string, names []string) error {
	list := strings.Join(names[:min(len(names), 20)], ", ")
	if len(names) > 20 {
		list += fmt.Sprintf(" and %d more", len(names)-20)
	}
	detail := fmt.Sprintf("the data set %s has several %ss, and none is named: %s", l.address.Repo, what, list)
	example := names[0]
	if slices.Contains(names, "train") {
		example = "train"
	}
	if got != "" {
		detail = fmt.Sprintf("the data set %s has no %s %q; it has %s", l.address.Repo, what, got, list)
	}
	if got != "" && len(names) > 1 {
		detail += didYouMean(got, names)
	}
	fixed := l.address
	if what == "config" {
		fixed.Config = example
	} else {
		fixed.Split = example
	}
	return &r1.Error{Name: "hub-choice", Detail: detail, Remedy: "name one, such as " + fixed.String()}
}

// matching are the files of patterns below a folder.
func (l layout) matching(folder string, patterns []string) []File {
	var out []File
	for _, f := range l.all {
		if slices.ContainsFunc(patterns, func(p string) bool {
			match, _ := doublestar.Match(path.Join(folder, strings.TrimPrefix(p, "./")), f.Path)
			return match
		}) {
			out = append(out, f)
		}
	}
	return out
}

var shardPattern = regexp.MustCompile(`^(.*)-([0-9]{5})-of-([0-9]{5})([^/]*)$`)

// whole refuses shards of which some are missing: rows would be lost without a word.
func (l layout) whole(files []File) error {
	have := map[string]map[string]bool{}
	want := map[string]string{}
	for _, f := range files {
		if m := shardPattern.FindStringSubmatch(f.Path); m != nil && l.address.Path != f.Path {
			stem := m[1] + "-*-of-" + m[3]
			if have[stem] == nil {
				have[stem] = map[string]bool{}
			}
			have[stem][m[2]], want[stem] = true, m[3]
		}
	}
	for stem, numbers := range have {
		if got := fmt.Sprintf("%05d", len(numbers)); got != want[stem] && !strings.ContainsAny(l.address.Path, "*[{") {
			return &r1.Error{
				Name: "hub-incomplete", Detail: fmt.Sprintf("%s has %d of the files %s of %s", l.address, len(numbers), stem, strings.TrimLeft(want[stem], "0")),
				Remedy: "download the whole data set into the cache (hf download --repo-type dataset), or name single files",
			}
		}
	}
	return nil
}
