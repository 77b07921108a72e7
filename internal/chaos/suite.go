package chaos

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/recipes"
)

//go:embed testdata/chaos.yaml
var scriptedRecipe []byte

// Options say what to do.
type Options struct {
	Binaries   Binaries
	RealRecipe string // file; empty runs no real training
	Short      bool
	Only       string // part of the names of kinds; empty is all
	Rig        string // one rig only; empty is all
	Seed       uint64
	Lanes      int // scripted runs side by side
	Version    string
	Commit     string
	Say        func(string)
}

// shortLast is the longest that anything lasts in the short suite.
const shortLast = 20 * time.Second

// suite is one call of Run.
type suite struct {
	o        Options
	root     string
	census   *census
	scripted Recipe
	real     Recipe

	mu        sync.Mutex
	result    Result
	reference map[string]string
	done      int
	planned   int
	runs      int
	left      []planned
}

// planned is a run to be.
type planned struct {
	rig    RigName
	orders []Order
}

// Run runs the suite, and gives what it found. An error is one of the suite
// itself, or says that it was interrupted; what was found until then is given too.
func Run(ctx context.Context, o Options) (*Result, error) {
	root, err := os.MkdirTemp("", "r1chaos-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the runs: %w", err)
	}
	s := &suite{o: o, root: root, census: newCensus()}
	s.result = newResult(o)
	err = s.run(ctx)
	s.result.sum()
	if err == nil && len(s.result.Violations) == 0 {
		return &s.result, os.RemoveAll(root)
	}
	o.Say("what the runs left is kept: " + root)
	return &s.result, err
}

func (s *suite) run(ctx context.Context) error {
	file := filepath.Join(s.root, "chaos.yaml")
	if err := os.WriteFile(file, scriptedRecipe, 0o600); err != nil {
		return fmt.Errorf("write the recipe: %w", err)
	}
	var err error
	if s.scripted, err = LoadRecipe(file, recipes.Options{}); err != nil {
		return err
	}
	if s.o.RealRecipe != "" {
		if s.real, err = LoadRecipe(s.o.RealRecipe, recipes.Options{Profile: "smoke"}); err != nil {
			return err
		}
	}
	scripted, real := s.plan()
	s.o.Say(fmt.Sprintf("%d faults in %d runs, %d of them with the real trainer; seed %d", s.planned, len(scripted)+len(real), len(real), s.o.Seed))

	var lanes sync.WaitGroup
	lanes.Go(func() { s.lane(ctx, real) })
	if len(scripted) > 0 {
		f, err := s.one(ctx, planned{rig: Laptop}, "reference") // undisturbed
		if err != nil || len(f.Problems) > 0 {
			return fmt.Errorf("the run that nothing disturbs: %w %v", err, f.Problems)
		}
		s.reference = f.Audit.Digests
	}
	queue := make(chan planned)
	for range max(1, s.o.Lanes) {
		lanes.Go(func() {
			for p := range queue {
				s.lane(ctx, []planned{p})
			}
		})
	}
	for _, p := range scripted {
		queue <- p
	}
	close(queue)
	lanes.Wait()
	if ctx.Err() == nil {
		s.again(ctx)
	}
	return ctx.Err()
}

// plan makes the runs of all rigs. Scripted ones of different rigs alternate.
func (s *suite) plan() (scripted, real []planned) {
	rng := rand.New(rand.NewPCG(s.o.Seed, 1))
	var kinds []Kind
	for _, k := range Kinds() {
		if strings.Contains(k.Name, s.o.Only) {
			k.Lasts = s.lasts(k.Lasts)
			kinds = append(kinds, k)
		}
	}
	lists := map[RigName][]planned{}
	for _, name := range []RigName{Laptop, Cluster, Disk, Real} {
		recipe := s.scripted
		if name == Real {
			recipe = s.real
		}
		if len(recipe.Jobs) == 0 || s.o.Rig != "" && s.o.Rig != string(name) || s.o.Short && name == Real {
			continue
		}
		count := func(k Kind) int {
			if !s.o.Short {
				return k.Times[name]
			}
			if k.Short == name {
				return 1
			}
			return 0
		}
		for _, orders := range spread(kinds, count, recipe.Jobs, s.limits(name), rng) {
			lists[name] = append(lists[name], planned{name, orders})
			s.planned += len(orders)
		}
	}
	for i := range max(len(lists[Laptop]), len(lists[Cluster]), len(lists[Disk])) {
		for _, name := range []RigName{Cluster, Laptop, Disk} {
			if i < len(lists[name]) {
				scripted = append(scripted, lists[name][i])
			}
		}
	}
	return scripted, lists[Real]
}

func (s *suite) lasts(d time.Duration) time.Duration {
	if s.o.Short {
		return min(d, shortLast)
	}
	return d
}

func (s *suite) limits(name RigName) limits {
	l := limitsOf(name)
	if s.o.Short {
		l.perRun = 5
	}
	return l
}

// lane makes runs one after another.
func (s *suite) lane(ctx context.Context, list []planned) {
	for _, p := range list {
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		s.runs++
		label := fmt.Sprintf("%s %d", p.rig, s.runs)
		s.mu.Unlock()
		f, err := s.one(ctx, p, label)
		s.take(ctx, p, label, f, err)
	}
}

// one makes a run.
func (s *suite) one(ctx context.Context, p planned, label string) (finding, error) {
	root := filepath.Join(s.root, strings.ReplaceAll(label, " ", ""))
	recipe, reference := s.scripted, s.reference
	if p.rig == Real {
		recipe, reference = s.real, nil
	}
	seed := s.o.Seed + uint64(len(root))
	if p.rig == Disk {
		return onDisk(ctx, diskRun{Binaries: s.o.Binaries, Root: root, Recipe: recipe, Label: label, Orders: p.orders, Seed: seed, Reference: reference}, s.o.Say)
	}
	b := bench{name: p.rig, binaries: s.o.Binaries, root: root, census: s.census}
	d := &drive{
		recipe: recipe, label: label, orders: slices.Clone(p.orders), rng: rand.New(rand.NewPCG(seed, 2)), sampler: newSampler(s.census, root),
		say: s.o.Say, tell: s.progress,
	}
	if d.rig = (rig)(&laptop{b}); p.rig == Cluster {
		d.rig = &cluster{bench: b}
	}
	return d.run(ctx, reference)
}

// progress tells of a fault, with how far the suite is.
func (s *suite) progress(label string, row Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	s.o.Say(fmt.Sprintf("[%d/%d] %s: %s", s.done, s.planned, label, row.line()))
}

// take puts the findings of a run into the result.
func (s *suite) take(ctx context.Context, p planned, label string, f finding, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.result
	if errors.Is(err, errNoNamespace) {
		for _, o := range p.orders {
			r.NotInjected = append(r.NotInjected, Skipped{o.Kind.Name, p.rig, err.Error()})
		}
		return
	}
	r.take(label, f)
	if p.rig == Disk {
		s.done += len(f.Rows)
	}
	if err != nil && ctx.Err() == nil {
		r.violate(label, "the run did not come to its end: "+err.Error())
		s.o.Say(label + ": " + err.Error())
		for _, o := range f.Left {
			r.NotInjected = append(r.NotInjected, Skipped{o.Kind.Name, p.rig, "its run did not come to its end"})
		}
		return
	}
	s.o.Say(fmt.Sprintf("%s is %s after %s and %d attempts", label, f.State, f.Took.Round(time.Second), f.Audit.Attempts))
	if len(f.Left) > 0 {
		s.left = append(s.left, planned{p.rig, f.Left})
	}
}

// again gives what was not injected one more run.
func (s *suite) again(ctx context.Context) {
	left := s.left
	s.left = nil
	for _, p := range left {
		recipe := s.scripted
		if p.rig == Real {
			recipe = s.real
		}
		sortOrders(p.orders, recipe.Jobs)
		s.lane(ctx, []planned{p})
	}
	for _, p := range s.left {
		for _, o := range p.orders {
			s.result.NotInjected = append(s.result.NotInjected, Skipped{o.Kind.Name, p.rig, "its moment did not come in two runs"})
		}
	}
}
