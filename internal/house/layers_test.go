package house

import (
	"slices"
	"strings"
	"testing"
)

// A rule says what packages must not import. Packages of this module start
// with "./"; every path stands for itself and all below it.
type rule struct {
	why      string
	packages []string // it is about these …
	except   []string // … but not these
	deny     []string
	allow    []string // exceptions from deny
	// deep follows imports through packages of this module.
	deep bool
}

var (
	temporal  = []string{"go.temporal.io"}
	top       = []string{"./cmd", "./worker", "./workflows", "./activities"}
	concrete  = []string{"./internal/launch/local", "./internal/launch/slurm", "./internal/launch/kube", "./internal/launch/ray"}
	outside   = []string{"os", "net", "io/ioutil", "database/sql", "github.com/aws", "syscall", "golang.org/x/sys"}
	embedding = []string{"./internal/embedded"}
)

var rules = []rule{
	{
		why:      "workflows are deterministic: side effects live in activities",
		packages: []string{"./workflows"}, deny: append(slices.Concat(outside, embedding, concrete), "math/rand", "crypto/rand", "./activities", "./worker", "./cmd", "./internal/artifact"), deep: true,
	},
	{
		why:      "internal/r1 holds nouns: the standard library only, and no I/O",
		packages: []string{"./internal/r1"}, deny: append([]string{"./"}, outside...),
	},
	{
		why:      "internal packages know nothing of those that use them",
		packages: []string{"./internal", "./recipes", "./trainer"}, deny: top, deep: true,
	},
	{
		why:      "activities depend on interfaces they declare, not on who wires them",
		packages: []string{"./activities"}, deny: append(slices.Concat(concrete, embedding), "./cmd", "./worker", "./workflows"), deep: true,
	},
	{
		why:      "launchers outlive the workflow engine",
		packages: []string{"./internal/launch"}, deny: slices.Concat(temporal, embedding), deep: true,
	},
	{
		why:      "the agent runs where there is no engine",
		packages: []string{"./internal/agent", "./internal/verify", "./internal/artifact"}, deny: slices.Concat(temporal, embedding), deep: true,
	},
	{
		// The chaos suite kills Temporal and S3 as processes of their own, and so starts them itself.
		why:      "only cmd and the chaos suite embed the engine",
		packages: []string{"./"}, except: []string{"./cmd", "./internal/embedded", "./internal/chaos"}, deny: embedding,
	},
	{
		why:      "nothing depends on the chaos suite",
		packages: []string{"./"}, except: []string{"./internal/chaos"}, deny: []string{"./internal/chaos"},
	},
	{
		why:      "only worker and cmd choose a launcher",
		packages: []string{"./"}, except: []string{"./cmd", "./worker", "./internal/launch"}, deny: concrete,
	},
	{
		why:      "the worker serves; it is the command that decides what runs beside it",
		packages: []string{"./worker"}, deny: []string{"./cmd"},
	},
}

func TestImportsPointOneWay(t *testing.T) {
	direct := map[string][]string{} // package -> what it imports
	for _, f := range sources(t) {
		p := "./" + f.dir
		direct[p] = append(direct[p], f.imports()...)
	}
	for _, r := range rules {
		for p := range direct {
			if !below(p, r.packages) || below(p, r.except) {
				continue
			}
			if chain := r.broken(direct, []string{p}, map[string]bool{}); chain != nil {
				t.Errorf("%s: %s", r.why, strings.Join(chain, " imports "))
			}
		}
	}
}

// broken returns a chain of imports that breaks the rule, or nil.
func (r rule) broken(direct map[string][]string, chain []string, seen map[string]bool) []string {
	p := chain[len(chain)-1]
	if seen[p] {
		return nil
	}
	seen[p] = true
	for _, imported := range direct[p] {
		next := append(slices.Clone(chain), imported)
		if below(imported, r.deny) && !below(imported, r.allow) {
			return next
		}
		if r.deep && strings.HasPrefix(imported, "./") {
			if found := r.broken(direct, next, seen); found != nil {
				return found
			}
		}
	}
	return nil
}

// below is within, where "./" stands for the whole module.
func below(path string, list []string) bool {
	return within(path, list) || slices.Contains(list, "./") && strings.HasPrefix(path, "./")
}

func TestRulesBite(t *testing.T) {
	direct := map[string][]string{
		"./workflows":         {"time", "./internal/helper"},
		"./internal/helper":   {"os"},
		"./internal/launch":   {"go.temporal.io/sdk/client"},
		"./internal/r1":       {"./internal/helper"},
		"./internal/artifact": {"./internal/launch/local"},
		"./activities":        {"./internal/ok"},
	}
	broken := func(why string) []string {
		for _, r := range rules {
			if strings.HasPrefix(r.why, why) {
				for p := range direct {
					if below(p, r.packages) && !below(p, r.except) {
						if chain := r.broken(direct, []string{p}, map[string]bool{}); chain != nil {
							return chain
						}
					}
				}
			}
		}
		return nil
	}
	for why, want := range map[string]string{
		"workflows are":       "./workflows ./internal/helper os",
		"launchers outlive":   "./internal/launch go.temporal.io/sdk/client",
		"internal/r1 holds":   "./internal/r1 ./internal/helper",
		"only worker and cmd": "./internal/artifact ./internal/launch/local",
		"activities depend":   "",
	} {
		if got := strings.Join(broken(why), " "); got != want {
			t.Errorf("%s: broken by %q, want %q", why, got, want)
		}
	}
}
