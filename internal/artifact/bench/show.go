package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

const ours = "r1ctl"

// results are the samples of each tool, in the order of the rounds.
type results struct {
	up, down map[string][]sample
	again    []sample
	moved    int64 // data bytes that the second publishing stored
}

const (
	tableBegins = "<!-- made by make bench-artifacts -->"
	tableEnds   = "<!-- end -->"
)

func seconds(s sample) float64 { return s.seconds }
func cpu(s sample) float64     { return s.cpu }
func memory(s sample) float64  { return float64(s.rss) / (1 << 20) }

func largest(list []sample) float64 {
	var x float64
	for _, s := range list {
		x = max(x, memory(s))
	}
	return x
}

func (b *bench) show(r *results) error {
	var t bytes.Buffer
	fmt.Fprintf(&t, "%d files, %.1f GiB, %d rounds in turns on the same embedded server, %s; medians, and the range of wall time.\n\n",
		b.files, float64(b.size)/(1<<30), b.rounds, machine())
	fmt.Fprintln(&t, "| | tool | wall, s | range | MB/s | client CPU, s | largest RSS, MiB | time beside r1ctl |")
	fmt.Fprintln(&t, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, d := range []struct {
		name    string
		samples map[string][]sample
	}{{"up", r.up}, {"down", r.down}} {
		mine := median(d.samples[ours], seconds)
		for _, tool := range b.tools {
			list := d.samples[tool.name]
			wall := median(list, seconds)
			low, high := wall, wall
			for _, s := range list {
				low, high = min(low, s.seconds), max(high, s.seconds)
			}
			fmt.Fprintf(&t, "| %s | %s | %.2f | %.2f–%.2f | %.0f | %.1f | %.0f | %.1f× |\n", d.name, tool.name, wall, low, high,
				float64(b.size)/1e6/wall, median(list, cpu), largest(list), wall/mine)
		}
	}
	fmt.Fprintf(&t, "| up again | %s | %.2f | | | %.1f | %.0f | |\n\n", ours, median(r.again, seconds), median(r.again, cpu), largest(r.again))
	fmt.Fprintf(&t, "Uploaded again under another name, %d data bytes were moved.\n", r.moved)
	fmt.Print("\n", t.String())
	if b.doc == "" {
		return nil
	}
	page, err := os.ReadFile(b.doc)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(page), tableBegins)
	_, after, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table", b.doc)
	}
	return os.WriteFile(b.doc, []byte(before+tableBegins+"\n"+t.String()+tableEnds+after), 0o644)
}
