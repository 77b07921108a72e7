package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
	"github.com/r1ctl/r1ctl/internal/verify/reward/outside"
)

// mostFunctions bounds the processes of Python rewards of one service.
const mostFunctions = 16

// outsideRewards keeps what computes rewards of the user's own: a function keeps its
// process over requests.
type outsideRewards struct {
	python  python
	paths   string // where the functions' modules lie, as PYTHONPATH has it
	log     io.Writer
	any     bool            // requests may name functions and addresses
	allowed map[string]bool // those that they may name in any case

	mu    sync.Mutex
	known map[string]*outside.Function
}

func newOutsideRewards(py python, paths []string, log io.Writer, anything bool, named []verify.Wanted) *outsideRewards {
	where := strings.Join(append(slices.Clone(paths), os.Getenv("PYTHONPATH")), ":")
	o := &outsideRewards{python: py, paths: where, log: log, any: anything, allowed: map[string]bool{}, known: map[string]*outside.Function{}}
	for _, w := range named {
		o.allowed[outsideKey(w.Reward)] = true
	}
	return o
}

func outsideKey(r *reward.Reward) string {
	raw, err := json.Marshal(r.Params)
	if err != nil {
		return r.Name
	}
	return r.Name + string(raw)
}

// find gives what computes a reward, and starts nothing: a function's process starts
// with its first call.
func (o *outsideRewards) find(r *reward.Reward) (verify.Outside, error) {
	key := outsideKey(r)
	if !o.any && !o.allowed[key] {
		return nil, fmt.Errorf("a service that other machines can reach takes no %s rewards from requests: name it when you start the service, with --reward", r.Name)
	}
	if r.Name == reward.URL {
		return outside.NewEndpoint(r.Params), nil
	}
	if o.python.path == "" {
		return nil, &r1.Error{Name: "no-python", Detail: "the service has no Python for reward functions", Remedy: "r1ctl setup, or start it with --python"}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if f := o.known[key]; f != nil {
		return f, nil
	}
	if len(o.known) >= mostFunctions {
		return nil, fmt.Errorf("the service runs %d reward functions already, which is the most", mostFunctions)
	}
	f := outside.NewFunction(r.Params, outside.Options{
		Python: o.python.path, Log: o.log,
		Environ: withPath(childenv.Clean(o.python.environ...), o.paths),
	})
	o.known[key] = f
	return f, nil
}

// withPath puts folders before those of an environment's PYTHONPATH.
func withPath(environ []string, before string) []string {
	const name = "PYTHONPATH="
	paths := before
	out := environ[:0:0]
	for _, pair := range environ {
		if rest, ok := strings.CutPrefix(pair, name); ok {
			paths += ":" + rest
			continue
		}
		out = append(out, pair)
	}
	return append(out, name+strings.Trim(paths, ":"))
}

// Close ends the functions' processes.
func (o *outsideRewards) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.known {
		f.Close()
	}
}
