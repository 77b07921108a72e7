package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

func TestPlotIsStyledByThePage(t *testing.T) {
	low, high := 0.0, 1.0
	svg, err := Plot{
		Title: `a <b> & "c"`, X: "step", MinY: &low, MaxY: &high, Marks: []float64{2},
		Lines: []Line{{Points: []XY{{0, 0.1}, {1, 0.5}, {3, 0.9}}, Color: Series2, Dots: true}, {Points: []XY{{0, 0.1}, {3, 0.2}}, Color: Series1, Faint: true}},
		Bands: []Band{{X: []float64{0, 3}, Low: []float64{0, 0.1}, High: []float64{0.2, 0.4}, Color: Series3}},
	}.SVG()
	if err != nil {
		t.Fatal(err)
	}
	s := string(svg)
	wellFormed(t, s)
	for _, want := range []string{`viewBox="0 0 360 200"`, `role="img"`, "<title>a &lt;b&gt; &amp; &#34;c&#34;</title>", "stroke:var(--c2)",
		"stroke:var(--c1);stroke-opacity:.38", "fill:var(--c3);fill-opacity:.16", "stroke:var(--grid)", ">step<"} {
		if !strings.Contains(s, want) {
			t.Errorf("the plot lacks %q", want)
		}
	}
	for _, bad := range []string{"#FACE", "#000000", "#FFFFFF", "font-family", "<?xml", "width=\"360"} {
		if strings.Contains(s, bad) {
			t.Errorf("the plot holds %q", bad)
		}
	}
}

func TestPlotsOfLittle(t *testing.T) {
	for name, p := range map[string]Plot{
		"nothing":        {Title: "x"},
		"one point":      {Title: "x", Lines: []Line{{Points: []XY{{3, 4}}}}},
		"a flat line":    {Title: "x", Lines: []Line{{Points: []XY{{0, 0}, {9, 0}}}}},
		"huge numbers":   {Title: "x", Lines: []Line{{Points: []XY{{0, 1e9}, {1e7, 3e9}}}}},
		"minute numbers": {Title: "x", Lines: []Line{{Points: []XY{{0, 1e-9}, {1, 2e-9}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			svg, err := p.SVG()
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, string(svg))
			if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
				t.Error(svg)
			}
		})
	}
}

func TestRows(t *testing.T) {
	svg, err := Rows{Title: "x", Rows: []Row{{Name: "a & b", Dots: []Dot{{Value: .5, Low: .4, High: .6, Known: true, Interval: true}, {}}}}}.SVG()
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, string(svg))
	if !strings.Contains(string(svg), "a &amp; b") || strings.Contains(string(svg), "fill:var(--c2)") {
		t.Error(svg)
	}
}

func TestTicksAreRoundAndFew(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
		{0, 120, "0 25 50 75 100"},
		{0, 10400, "0 2000 4000 6000 8000 10k"},
		{-0.1, 0.1, "-0.10 -0.05 0 0.05 0.10"},
		{2, 2, ""},
	} {
		var got []string
		for _, tick := range ticks(c.low, c.high) {
			got = append(got, tick.Label)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("ticks from %v to %v: %s, want %s", c.low, c.high, s, c.want)
		}
	}
}
