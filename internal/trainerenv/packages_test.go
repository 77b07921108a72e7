package trainerenv

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/r1ctl/r1ctl/trainer"
)

// The environments of a trainer lie side by side, each with its own lock, and the
// shipped source has both locks.
func TestEachSetOfPackagesHasItsEnvironment(t *testing.T) {
	cache := t.TempDir()
	training, err := newBuilder(Options{Source: trainer.Source, CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	vllm, err := newBuilder(Options{Source: trainer.Source, CacheDir: cache, Packages: VLLM()})
	if err != nil {
		t.Fatal(err)
	}
	if training.root == vllm.root || training.sourceDir != vllm.sourceDir {
		t.Errorf("environments %s and %s, sources %s and %s", training.root, vllm.root, training.sourceDir, vllm.sourceDir)
	}
	for _, pin := range []string{"vllm==", "torch==", "transformers=="} {
		if !slices.ContainsFunc(strings.Split(string(vllm.lock), "\n"), func(l string) bool { return strings.HasPrefix(l, pin) }) {
			t.Errorf("requirements-vllm.lock pins no %s", pin)
		}
	}
}

// An environment that serves some jobs only is tried with the modules of these.
func TestOnlyTheModulesThatAreUsedAreTried(t *testing.T) {
	w := newWorld(t)
	w.source["r1trainer/trains.py"] = &fstest.MapFile{Data: []byte("import nothing_of_that_name\n")}
	w.source["r1trainer/samples.py"] = &fstest.MapFile{}
	b := w.builder(t)
	if _, err := b.ensure(t.Context()); err == nil {
		t.Error("a module that cannot be imported was not tried")
	}
	b = w.builder(t)
	b.Packages.modules = []string{"r1trainer.samples"}
	if _, err := b.ensure(t.Context()); err != nil {
		t.Error(err)
	}
}
