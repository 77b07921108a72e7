package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// The launchers that a site may name.
const (
	LauncherLocal = "local"
	LauncherSlurm = "slurm"
)

// NamedSite is where jobs run, and what they ask for there.
type NamedSite struct {
	Name     string
	Launcher string        // LauncherLocal or LauncherSlurm
	Slots    int           // attempts side by side, waiting ones included; default 64, of launcher local site.slots
	Scratch  string        // folder that workers and nodes share
	CacheDir string        // on the nodes; default: cache_dir
	Binary   string        // r1ctl on the nodes; default: this one
	SSH      string        // host on which the scheduler's commands run; empty: here
	CPUs     int           // of a job; 0 leaves it to the cluster
	GPUs     int           // of a job
	Memory   int           // MiB of a job
	Walltime time.Duration // of an attempt; 0 is the cluster's
	Poll     time.Duration // between two questions to the scheduler

	Conf       string // slurm.conf; empty: as the commands find it
	Partition  string
	Account    string
	QOS        string
	Constraint string
	GRES       string   // what a GPU is called; default gpu
	Args       []string // further options of sbatch
}

// sitesKey is the part of the file that this one reads by itself, to say of each mistake where it is.
const sitesKey = "sites"

// ChosenSite is the site that site.name chooses; without a name it is this machine.
func (c Config) ChosenSite() NamedSite {
	if s, ok := c.Sites[c.Site.Name]; ok {
		if s.Slots == 0 {
			s.Slots = c.Site.Slots
		}
		return s
	}
	return NamedSite{Launcher: LauncherLocal, Slots: c.Site.Slots}
}

// readSites reads the sites of a config file.
func readSites(file string) (map[string]NamedSite, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fileError(file, err)
	}
	defer f.Close()
	var doc yaml.Node
	if err := yaml.NewDecoder(f).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, fileError(file, err)
	}
	r := siteReader{file: file, sites: map[string]NamedSite{}}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil
	}
	for key, value := range pairs(doc.Content[0]) {
		if strings.EqualFold(key.Value, sitesKey) {
			if err := r.all(value); err != nil {
				return nil, err
			}
		}
	}
	return r.sites, nil
}

// pairs goes over the keys and values of a mapping.
func pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

type siteReader struct {
	file  string
	sites map[string]NamedSite
}

func (r *siteReader) wrong(at *yaml.Node, format string, args ...any) error {
	return &r1.Error{Name: "config-invalid", Detail: fmt.Sprintf("%s:%d: %s", r.file, at.Line, fmt.Sprintf(format, args...)),
		Remedy: "correct the site; its settings are in docs/configuration.md"}
}

func (r *siteReader) all(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return r.wrong(n, "sites: expected names with their settings, such as cluster: {launcher: slurm, scratch: /shared/r1ctl}")
	}
	for key, value := range pairs(n) {
		if err := r.site(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (r *siteReader) site(name, n *yaml.Node) error {
	at := sitesKey + "." + name.Value
	_, twice := r.sites[name.Value]
	switch {
	case !endpointNames.MatchString(name.Value):
		return r.wrong(name, "%s: a name has lower case letters, digits and single dashes", at)
	case twice:
		return r.wrong(name, "%s: there is a site of this name already", at)
	case n.Kind != yaml.MappingNode:
		return r.wrong(n, "%s: expected settings, such as {launcher: slurm, scratch: /shared/r1ctl}", at)
	}
	s := NamedSite{Name: name.Value, Poll: 5 * time.Second}
	fields := s.fields()
	seen := map[string]*yaml.Node{}
	for key, value := range pairs(n) {
		set, known := fields[key.Value]
		switch {
		case !known:
			return r.wrong(key, "%s has no setting %q%s", at, key.Value, nearest(key.Value, slices.Collect(maps.Keys(fields))))
		case seen[key.Value] != nil:
			return r.wrong(key, "%s.%s is set twice", at, key.Value)
		}
		if expected := set(value); expected != "" {
			return r.wrong(value, "%s.%s is %q, expected %s", at, key.Value, value.Value, expected)
		}
		seen[key.Value] = value
	}
	if err := r.check(at, name, s, seen); err != nil {
		return err
	}
	if s.Slots == 0 && s.Launcher == LauncherSlurm {
		s.Slots = 64
	}
	r.sites[s.Name] = s
	return nil
}

func nearest(got string, names []string) string {
	if near := suggest.Nearest(got, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// fields sets each setting from its node, and says what is expected of one that is wrong.
func (s *NamedSite) fields() map[string]func(*yaml.Node) string {
	return map[string]func(*yaml.Node) string{
		"launcher": text(&s.Launcher), "scratch": path(&s.Scratch), "cache_dir": path(&s.CacheDir), "binary": path(&s.Binary), "ssh": text(&s.SSH), "conf": path(&s.Conf),
		"partition": text(&s.Partition), "account": text(&s.Account), "qos": text(&s.QOS), "constraint": text(&s.Constraint), "gres": text(&s.GRES), "args": options(&s.Args),
		"slots": number(&s.Slots, 1), "cpus": number(&s.CPUs, 1), "gpus": number(&s.GPUs, 0), "memory": number(&s.Memory, 1),
		"walltime": duration(&s.Walltime, 5*time.Minute), "poll": duration(&s.Poll, time.Second),
	}
}

func text(to *string) func(*yaml.Node) string {
	return func(n *yaml.Node) string {
		if n.Kind != yaml.ScalarNode || n.Value == "" || n.Value[0] == '-' || strings.ContainsAny(n.Value, " \t\n'\"") {
			return "a word"
		}
		*to = n.Value
		return ""
	}
}

func path(to *string) func(*yaml.Node) string {
	return func(n *yaml.Node) string {
		if n.Kind != yaml.ScalarNode || !filepath.IsAbs(n.Value) {
			return "an absolute path, the same on this machine and on the nodes"
		}
		*to = filepath.Clean(n.Value)
		return ""
	}
}

func number(to *int, least int) func(*yaml.Node) string {
	return func(n *yaml.Node) string {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < least {
			return fmt.Sprintf("a whole number from %d", least)
		}
		*to = v
		return ""
	}
}

func duration(to *time.Duration, least time.Duration) func(*yaml.Node) string {
	return func(n *yaml.Node) string {
		v, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < least {
			return fmt.Sprintf("a time from %s, such as 24h", least)
		}
		*to = v
		return ""
	}
}

// ours are options of sbatch on which it rests that attempts are launched once and found
// again, or that other settings stand for.
var ours = []string{
	"array", "chdir", "clusters", "comment", "cpus-per-task", "error", "export", "export-file", "gres", "gpus", "hold", "input", "job-name", "mem", "nodes", "ntasks", "open-mode", "output",
	"parsable", "partition", "account", "qos", "constraint", "requeue", "signal", "test-only", "time", "uid", "wait", "wrap",
}

func options(to *[]string) func(*yaml.Node) string {
	return func(n *yaml.Node) string {
		const expected = "a list of options such as [--exclusive, --reservation=NAME]"
		if n.Kind != yaml.SequenceNode {
			return expected
		}
		for _, item := range n.Content {
			name, _, _ := strings.Cut(strings.TrimPrefix(item.Value, "--"), "=")
			if item.Kind != yaml.ScalarNode || !strings.HasPrefix(item.Value, "--") || name == "" {
				return expected
			}
			// sbatch takes an option by its first letters, too.
			if slices.ContainsFunc(ours, func(o string) bool { return strings.HasPrefix(o, name) }) {
				n.Value = item.Value
				return "no --" + name + ": r1ctl sets it, or a setting of its own does"
			}
			*to = append(*to, item.Value)
		}
		return ""
	}
}

// check looks at a site as a whole.
func (r *siteReader) check(at string, name *yaml.Node, s NamedSite, seen map[string]*yaml.Node) error {
	launchers := []string{LauncherLocal, LauncherSlurm}
	switch {
	case seen["launcher"] == nil:
		return r.wrong(name, "%s has no launcher; expected one of %s", at, strings.Join(launchers, ", "))
	case !slices.Contains(launchers, s.Launcher):
		return r.wrong(seen["launcher"], "%s.launcher is %q, expected one of %s%s", at, s.Launcher, strings.Join(launchers, ", "), nearest(s.Launcher, launchers))
	case s.Launcher == LauncherLocal:
		for _, key := range slices.Sorted(maps.Keys(seen)) {
			if key != "launcher" && key != "slots" { // the others mean nothing without a scheduler
				return r.wrong(seen[key], "%s.%s is for launcher slurm, and the site's is local", at, key)
			}
		}
	case s.Scratch == "":
		return r.wrong(name, "%s has no scratch; expected a folder that this machine and the nodes share", at)
	case s.GRES != "" && s.GPUs == 0:
		return r.wrong(seen["gres"], "%s.gres says what a GPU is called, and gpus, how many a job gets, is not set", at)
	}
	return nil
}

// checkSite refuses a name that no site has.
func (c *Config) checkSite() error {
	if _, ok := c.Sites[c.Site.Name]; ok || c.Site.Name == "" {
		return nil
	}
	names := slices.Sorted(maps.Keys(c.Sites))
	detail := fmt.Sprintf("site.name is %q, and there is no such site%s", c.Site.Name, nearest(c.Site.Name, names))
	return &r1.Error{Name: "config-invalid", Detail: detail, Remedy: fmt.Sprintf("add it to sites in r1ctl.yaml, or name one of those there are: %s", strings.Join(names, ", "))}
}
