package curate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// folderJournal is a journal in a folder. After so many saves it kills the process.
type folderJournal struct {
	dir       string
	killAfter int
}

func (j *folderJournal) Load(_ context.Context, name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(j.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (j *folderJournal) Save(_ context.Context, name string, data []byte) error {
	part := filepath.Join(j.dir, "part")
	if err := os.WriteFile(part, data, 0o600); err != nil {
		return err
	}
	if err := os.Rename(part, filepath.Join(j.dir, name)); err != nil {
		return err
	}
	if j.killAfter--; j.killAfter == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return nil
}

// journaled is a job of 3,000 rows with steps of every sort, some behind a step
// for which all rows wait.
func journaled(j Journal) Job {
	rows := Generated("rows", func(yield func(json.RawMessage) bool) {
		for i := range 3000 {
			row := fmt.Sprintf(`{"id":"r%d","domain":"d%d","prompt":"what is %d and %d?","response":"<think>so it is %d of %d</think>7","sample":%d,"origin":{"sample":1}}`,
				i, i%3, i/3, i%7, i%900, i%11, i%4)
			switch i % 50 {
			case 0:
				row = fmt.Sprintf(`{"prompt":"bare %d","response":"<think>x</think>y"}`, i)
			case 1:
				row = row[:20]
			case 2:
				row = strings.Replace(row, "so it is", "三三三 so", 1)
			}
			if !yield(json.RawMessage(row)) {
				return
			}
		}
	})
	return Job{
		Params: steps(`{"do":"language","min":0.9}`, `{"do":"dedup"}`, `{"do":"decontaminate","against":"eval","ngram":3}`, `{"do":"near-dedup","threshold":0.95}`,
			`{"do":"dedup","by":["prompt"]}`, `{"do":"shuffle"}`),
		Inputs:       map[string]Source{"rows": rows, "eval": lines(`{"id":"e","prompt":"what is 13 and 4"}`)},
		MaxMalformed: 1, Seed: 3, shard: 2, Journal: j, Build: func() string { return "test" },
	}
}

// TestMain runs the job that a test wants killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("R1CTL_TEST_JOURNAL"); dir != "" {
		var after int
		_, _ = fmt.Sscan(os.Getenv("R1CTL_TEST_KILL"), &after)
		job := journaled(&folderJournal{dir, after})
		job.OutDir = filepath.Join(dir, "out")
		_, err := Run(context.Background(), job)
		fmt.Fprintln(os.Stderr, "the job was not killed:", err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func TestAKilledRunIsGoneOnWithAfterItsLastShard(t *testing.T) {
	want, err := run(t, journaled(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, shards := range []int{1, 3, 5} { // the last in the rows behind near-dedup
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "R1CTL_TEST_JOURNAL="+dir, fmt.Sprint("R1CTL_TEST_KILL=", shards))
			out, err := cmd.CombinedOutput()
			if state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGKILL {
				t.Fatalf("got %v: %s", err, out)
			}
			j := newMemoryJournal()
			for _, name := range readShards(t, dir) {
				j.shards[name], err = os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
			}
			if len(j.shards) != shards {
				t.Fatalf("kept %v", slices.Sorted(maps.Keys(j.shards)))
			}
			before := maps.Clone(j.shards)
			got, err := run(t, journaled(j))
			same(t, got, want, err)
			for name := range before {
				if slices.Contains(j.saved, name) {
					t.Errorf("the shard %s was worked on again", name)
				}
			}
		})
	}
}

func readShards(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return names
}

func TestTheOutputDoesNotDependOnTheMemory(t *testing.T) {
	job := journaled(nil)
	job.Params = steps(`{"do":"dedup"}`, `{"do":"near-dedup"}`, `{"do":"select","per_prompt":2}`, `{"do":"cap","rows":2500}`, `{"do":"dedup","by":["prompt","id"]}`,
		`{"do":"mix","fractions":{"d1":0.5}}`, `{"do":"shuffle"}`)
	job.Inputs = map[string]Source{"rows": job.Inputs["rows"]}
	want, err := run(t, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int64{1, 30_000, 100_000} {
		peak := int64(0)
		job.Memory, job.Index = memory, func(bytes int64) { peak = bytes }
		got, err := run(t, job)
		same(t, got, want, err)
		if unavoidable := int64(4 * 3000); peak > memory+unavoidable {
			t.Errorf("held %d bytes of %d", peak, memory)
		}
	}
}

func TestAJournalOfSomethingElseChangesNothing(t *testing.T) {
	full := newMemoryJournal()
	if _, err := run(t, journaled(full)); err != nil {
		t.Fatal(err)
	}
	if len(full.shards) < 5 {
		t.Fatalf("kept %v", full.saved)
	}
	spoil := func(change func(name string, data []byte) []byte) *memoryJournal {
		j := newMemoryJournal()
		for name, data := range full.shards {
			j.shards[name] = change(name, bytes.Clone(data))
		}
		return j
	}
	keep := func(_ string, data []byte) []byte { return data }
	cases := map[string]struct {
		journal *memoryJournal
		change  func(*Job)
		again   bool // some shard is worked on again
	}{
		"all of it is used":  {spoil(keep), func(*Job) {}, false},
		"with more workers":  {spoil(keep), func(j *Job) { j.Workers = 7 }, false},
		"a bit is wrong":     {spoil(func(_ string, d []byte) []byte { d[len(d)/2] ^= 1; return d }), func(*Job) {}, true},
		"cut":                {spoil(func(_ string, d []byte) []byte { return d[:len(d)-1] }), func(*Job) {}, true},
		"empty":              {spoil(func(string, []byte) []byte { return []byte{} }), func(*Job) {}, true},
		"of another shard":   {spoil(func(string, []byte) []byte { return full.shards["read-0-000001"] }), func(*Job) {}, true},
		"of another build":   {spoil(keep), func(j *Job) { j.Build = func() string { return "other" } }, true},
		"of another seed":    {spoil(keep), func(j *Job) { j.Seed++ }, true},
		"of other params":    {spoil(keep), func(j *Job) { j.Params = steps(`{"do":"language","min":0.1}`) }, true},
		"of another dataset": {spoil(keep), func(j *Job) { j.Inputs["eval"] = lines(`{"id":"e","prompt":"what is 14 and 5"}`) }, true},
		"of other rows": {spoil(keep), func(j *Job) {
			j.Inputs["rows"] = Joined(lines(`{"id":"new","prompt":"x","response":"y"}`), j.Inputs["rows"])
		}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			job := journaled(nil)
			c.change(&job)
			want, err := run(t, job)
			if err != nil {
				t.Fatal(err)
			}
			job = journaled(c.journal)
			c.change(&job)
			got, err := run(t, job)
			same(t, got, want, err)
			if again := len(c.journal.saved) > 0; again != c.again {
				t.Errorf("shards were worked on again: %v", c.journal.saved)
			}
		})
	}
}

func same(t *testing.T, got, want result, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.data, want.data) || !bytes.Equal(encode(got.drops), encode(want.drops)) || !bytes.Equal(encode(got.funnel), encode(want.funnel)) {
		t.Error("the output is another")
	}
}

func TestARunOfFewRowsHasNoShards(t *testing.T) {
	j := newMemoryJournal()
	job := journaled(j)
	job.Inputs["rows"] = lines(`{"id":"a","prompt":"x","response":"<think>it is</think>y"}`)
	job.Build = func() string { t.Error("asked for the build"); return "" }
	if _, err := run(t, job); err != nil || len(j.saved) > 0 {
		t.Errorf("saved %v (%v)", j.saved, err)
	}
}

type memoryJournal struct {
	mu     sync.Mutex
	shards map[string][]byte
	saved  []string
}

func newMemoryJournal() *memoryJournal { return &memoryJournal{shards: map[string][]byte{}} }

func (j *memoryJournal) Load(_ context.Context, name string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.shards[name], nil
}

func (j *memoryJournal) Save(_ context.Context, name string, data []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.saved = append(j.saved, name)
	j.shards[name] = data
	return nil
}
