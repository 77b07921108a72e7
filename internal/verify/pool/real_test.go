package pool_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/internal/verify/pool"
	"github.com/r1ctl/r1ctl/trainer"
)

// environment is the trainer's, where it is built, with this tree's source.
func environment(t testing.TB) pool.Options {
	t.Helper()
	env, ok, err := trainerenv.Find(trainerenv.Options{Source: trainer.Source})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		lacking.Skip(t, "the trainer's environment is not built: make setup")
	}
	source, err := filepath.Abs("../../../trainer")
	if err != nil {
		t.Fatal(err)
	}
	return pool.Options{
		Python: env.Python, Workers: 2,
		Environ: append([]string{"PATH=" + os.Getenv("PATH")}, append(env.Environ, "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1")...),
	}
}

func TestMathsAndPuzzles(t *testing.T) {
	p := watched(t, environment(t))
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		maths  pool.Maths
		label  r1.Label
		reason string
	}{
		{pool.Maths{Gold: `\frac{1}{2}`, Answer: `so it is \boxed{0.5}`}, r1.Correct, ""},
		{pool.Maths{Gold: `\frac{1}{2}`, Answer: `so it is \boxed{2}`}, r1.Wrong, ""},
		{pool.Maths{Gold: `x^2-1`, Answer: `\boxed{(x-1)(x+1)}`}, r1.Correct, ""},
		{pool.Maths{Gold: `hello there`, Answer: `\boxed{2}`}, r1.Unverified, pool.ReasonGold},
		{pool.Maths{Gold: `2`, Answer: ``}, r1.Wrong, pool.ReasonUnparsable},
		{pool.Maths{Gold: `5`, Answer: "\xff\xfe \\boxed{5}"}, r1.Correct, ""},
		{pool.Maths{Gold: `$6$`, Answer: `it is 6`}, r1.Correct, ""},
		{pool.Maths{Gold: `$6$`, Answer: `it is 6`, OpenR1: true}, r1.Wrong, pool.ReasonUnparsable},
		{pool.Maths{Gold: `$\frac{1}{2^{99}}$`, Answer: `\boxed{\frac{1}{2^{98}}}`}, r1.Wrong, ""},
		{pool.Maths{Gold: `$\frac{1}{2^{99}}$`, Answer: `\boxed{\frac{1}{2^{98}}}`, OpenR1: true}, r1.Correct, ""},
		{pool.Maths{Gold: `$x=5$`, Answer: `\boxed{5}`, OpenR1: true}, r1.Correct, ""},
	} {
		r := p.Maths(t.Context(), c.maths)
		if r.Label != c.label || r.Reason != c.reason || !strings.HasPrefix(r.Version, "math-verify/0.") {
			t.Errorf("%+v: got %+v, want %s (%s)", c.maths, r, c.label, c.reason)
		}
	}
	entry := json.RawMessage(`{"question": "1 + 1 =", "answer": "2", "metadata": {}}`)
	for answer, label := range map[string]r1.Label{"2": r1.Correct, "3": r1.Wrong, "": r1.Wrong, "2 or 3": r1.Wrong} {
		r := p.Puzzle(t.Context(), pool.Puzzle{Family: "chain_sum", Entry: entry, Answer: answer})
		if r.Label != label || r.Score != nil || !strings.HasPrefix(r.Version, "reasoning-gym/0.") {
			t.Errorf("%q: got %+v, want %s", answer, r, label)
		}
	}
	r := p.Puzzle(t.Context(), pool.Puzzle{Family: "chain_sum", Entry: entry, Answer: "2 or 3", Partial: true})
	if r.Label != r1.Wrong || r.Score == nil || *r.Score <= 0 || *r.Score >= 1 {
		t.Errorf("a partial answer: got %+v", r)
	}
	if r := p.Puzzle(t.Context(), pool.Puzzle{Family: "codeio", Entry: entry}); r.Label != r1.Unverified || r.Reason != pool.ReasonFamily {
		t.Errorf("a family that is not offered: got %+v", r)
	}
}

// What hangs, eats memory or nests too deep is answered in time, is never a
// wrong answer for want of time, and does no harm to its neighbours.
func TestHostileMathematics(t *testing.T) {
	p := watched(t, environment(t))
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, text := range []string{
		`$9^{9^{9^9}}$`, `$100000000!$`, "$" + strings.Repeat("(", 400) + "1" + strings.Repeat(")", 400) + "$",
		"$" + strings.Repeat("1+", 100_000) + "1$", strings.Repeat("a", 1<<20),
	} {
		wg.Go(func() {
			r := p.Maths(t.Context(), pool.Maths{Gold: "1", Answer: text})
			if r.Label == r1.Correct || r.Label == r1.Wrong && strings.HasPrefix(text, "$1+") {
				t.Errorf("%.30s: got %+v", text, r)
			}
			if r.Took > 10*time.Second { // twice the deadline: the machine may be busy
				t.Errorf("%.30s took %v", text, r.Took)
			}
			t.Logf("%.30s: %s (%s) in %v", text, r.Label, r.Reason, r.Took)
		})
		wg.Go(func() {
			if r := p.Maths(t.Context(), pool.Maths{Gold: "1", Answer: "$1$"}); r.Label != r1.Correct {
				t.Errorf("an honest item among hostile ones: %+v", r)
			}
		})
	}
	wg.Wait()
}

// A pool dies with the process that made it, whatever its workers are at.
func TestPoolsDieWithTheirParent(t *testing.T) {
	if mark := os.Getenv("POOL_PARENT"); mark != "" {
		p := scripted(t, pool.Options{Workers: 1, Deadline: time.Hour, Environ: []string{"POOL_CHILD=" + mark}})
		p.Puzzle(context.Background(), order("hang", ""))
		return
	}
	mark := t.Name() + t.TempDir()
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env = append(os.Environ(), "POOL_PARENT="+mark)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = procstat.KillMarked("POOL_CHILD", mark) }()
	for len(procstat.Marked("POOL_CHILD", mark)) < 2 { // the judge and its child
		time.Sleep(10 * time.Millisecond)
	}
	judge := procstat.Marked("POOL_CHILD", mark)[0]
	_ = parent.Process.Kill()
	_ = parent.Wait()
	for range 500 {
		if _, err := os.Stat("/proc/" + strconv.Itoa(judge)); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d outlives its parent", judge)
}

// BenchmarkMaths says what an item costs: a surd against its other form, each
// pair new to the caches.
func BenchmarkMaths(b *testing.B) {
	o := environment(b)
	p := pool.New(o)
	defer p.Close()
	if err := p.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(4)
	var n sync.Mutex
	i := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n.Lock()
			i++
			k := strconv.Itoa(i)
			n.Unlock()
			r := p.Maths(b.Context(), pool.Maths{Gold: `\frac{` + k + `}{7}\sqrt{8}`, Answer: `\boxed{\frac{2\cdot ` + k + `\sqrt{2}}{7}}`})
			if r.Label != r1.Correct {
				b.Errorf("%s: %+v", k, r)
			}
		}
	})
}
