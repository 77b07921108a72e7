package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/r1ctl/r1ctl/internal/curate"
)

// task is one measurement, made by a child of this process.
type task struct {
	Do      string            `json:"do"` // curate, zstd, json or memory
	Dir     string            `json:"dir"`
	Rows    string            `json:"rows"` // file in dir
	Limit   int               `json:"limit,omitempty"`
	Steps   []json.RawMessage `json:"steps,omitempty"`
	Format  string            `json:"format,omitempty"`
	Workers int               `json:"workers,omitempty"`
	Memory  int64             `json:"memory,omitempty"` // of the index
	Profile string            `json:"profile,omitempty"`
}

// outcome is what a child found out.
type outcome struct {
	Seconds float64  `json:"seconds"`
	CPU     float64  `json:"cpu"`   // seconds of all cores
	Bytes   int64    `json:"bytes"` // of JSON read
	In      int      `json:"in"`
	Kept    int      `json:"kept"`
	PeakMB  int      `json:"peak_mb"`
	Index   int64    `json:"index,omitempty"`   // most bytes held of all rows
	Dropped []string `json:"dropped,omitempty"` // ids, in compat mode
	Funnel  string   `json:"funnel,omitempty"`
}

func (t task) run(ctx context.Context) (o outcome, err error) {
	if t.Profile != "" {
		f, err := os.Create(t.Profile)
		if err != nil {
			return o, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return o, err
		}
		defer pprof.StopCPUProfile()
	}
	switch t.Do {
	case "zstd":
		o, err = t.decode(func([]byte) error { return nil })
	case "json":
		o, err = t.decode(func(line []byte) error {
			var row generated
			return json.Unmarshal(line, &row)
		})
	case "memory":
		o, err = t.memory()
	default:
		o, err = t.curate(ctx)
	}
	o.PeakMB = peakMB()
	o.CPU += cpuSeconds()
	return o, err
}

// cpuSeconds is the time this process has computed so far, on all cores together.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// decode reads the rows as a plain program does, in one goroutine.
func (t task) decode(each func(line []byte) error) (o outcome, err error) {
	began := time.Now()
	f, err := os.Open(filepath.Join(t.Dir, t.Rows))
	if err != nil {
		return o, err
	}
	defer f.Close()
	zr, err := zstd.NewReader(f)
	if err != nil {
		return o, err
	}
	defer zr.Close()
	br := bufio.NewReaderSize(zr, 64<<20)
	for {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, io.EOF) || err == nil && t.Limit > 0 && o.In == t.Limit {
			o.Seconds = time.Since(began).Seconds()
			return o, nil
		}
		if err == nil {
			err = each(line)
		}
		if err != nil {
			return o, err
		}
		o.In++
		o.Bytes += int64(len(line))
	}
}

// limited is the beginning of a source, and counts its bytes.
type limited struct {
	curate.Source
	rows  int
	bytes *int64
}

func (l limited) Rows(ctx context.Context) iter.Seq2[curate.Line, error] {
	return func(yield func(curate.Line, error) bool) {
		n := 0
		for line, err := range l.Source.Rows(ctx) {
			if n++; l.rows > 0 && n > l.rows {
				return
			}
			*l.bytes += int64(len(line.Raw)) + 1
			if !yield(line, err) {
				return
			}
		}
	}
}

func (t task) curate(ctx context.Context) (o outcome, err error) {
	source, err := curate.Path(filepath.Join(t.Dir, t.Rows))
	if err != nil {
		return o, err
	}
	out, err := os.MkdirTemp(t.Dir, "out-*")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(out)
	eval, err := curate.Path(filepath.Join(t.Dir, "eval.jsonl"))
	if err != nil {
		return o, err
	}
	if t.Steps == nil {
		t.Steps = []json.RawMessage{}
	}
	params, err := json.Marshal(map[string]any{"steps": t.Steps})
	if err != nil {
		return o, err
	}
	began := time.Now()
	funnel, err := curate.Run(ctx, curate.Job{
		Params: params, Files: []curate.NamedSource{{Name: t.Rows, Source: limited{source, t.Limit, &o.Bytes}}}, Workers: t.Workers,
		Compared: map[string]curate.Source{"eval": eval}, OutDir: out, Memory: t.Memory, Index: func(n int64) { o.Index = n }, Layout: curate.Layout{Rows: "data." + t.Format, Dropped: "dropped.jsonl"},
	})
	if err != nil {
		return o, err
	}
	o.Seconds, o.In, o.Kept = time.Since(began).Seconds(), funnel.In, funnel.Kept
	for _, d := range funnel.Dropped {
		o.Funnel += fmt.Sprintf("%s (%s) %d, ", d.Name, d.Reason, d.Rows)
	}
	if len(t.Steps) == 1 && strings.Contains(string(t.Steps[0]), "open-r1") {
		o.Dropped, err = droppedIDs(filepath.Join(out, "dropped.jsonl"))
	}
	return o, err
}

func droppedIDs(path string) (ids []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	for {
		var d struct{ ID string }
		if err := dec.Decode(&d); errors.Is(err, io.EOF) {
			return ids, nil
		} else if err != nil {
			return nil, err
		}
		ids = append(ids, d.ID)
	}
}

// memory asks open-r1's rule about whole traces that are in memory already.
func (t task) memory() (o outcome, err error) {
	var prompts []string
	if err := eachLine(filepath.Join(t.Dir, "eval.jsonl"), func(g generated) { prompts = append(prompts, g.Prompt) }); err != nil {
		return o, err
	}
	var ids, texts []string
	if err := eachLine(filepath.Join(t.Dir, t.Rows), func(g generated) {
		ids, texts = append(ids, g.ID), append(texts, g.Prompt+"\n"+g.Response)
		o.Bytes += int64(len(texts[len(texts)-1]))
	}); err != nil {
		return o, err
	}
	contaminated := curate.OpenR1(prompts, 8)
	runtime.GC()
	o.CPU = -cpuSeconds()
	workers := max(1, t.Workers)
	found := make([]bool, len(texts))
	began := time.Now()
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for i := k; i < len(texts); i += workers {
				found[i] = contaminated(texts[i])
			}
		})
	}
	wg.Wait()
	o.Seconds, o.In = time.Since(began).Seconds(), len(texts)
	for i, f := range found {
		if f {
			o.Dropped = append(o.Dropped, ids[i])
		}
	}
	return o, nil
}

func eachLine(path string, yield func(generated)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for {
		var g generated
		if err := dec.Decode(&g); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		yield(g)
	}
}

// peakMB is the most memory this process ever had, as Linux counts it; 0 elsewhere.
func peakMB() int {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if kb, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")))
			return n / 1024
		}
	}
	return 0
}
