package chart

import (
	"html/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Row is a line of a dot plot: one value with its interval for each series.
type Row struct {
	Name string
	Dots []Dot
}

// Dot is a value with an interval; Known false leaves its place empty.
type Dot struct {
	Value, Low, High float64
	Known, Interval  bool
}

// Rows is a dot plot of shares from 0 to 1: names downwards, values to the right.
type Rows struct {
	Title string
	Rows  []Row
	Width float64 // of the viewBox; 0: 820
}

const rowHeight = 26

// SVG draws the plot.
func (r Rows) SVG() (template.HTML, error) {
	width := r.Width
	if width == 0 {
		width = 820
	}
	g := empty()
	g.X.Min, g.X.Max = 0, 1
	g.Y.Min, g.Y.Max = -0.5, float64(len(r.Rows))-0.5
	names := make([]plot.Tick, len(r.Rows))
	for i, row := range r.Rows {
		names[i] = plot.Tick{Value: float64(len(r.Rows) - 1 - i), Label: row.Name}
	}
	g.Y.Tick.Marker = plot.ConstantTicks(names)
	g.Y.Tick.Label.Color = Ink.mark(full)
	g.Y.Tick.Label.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: fontSize}
	g.Add(dots{r.Rows})
	return render(g, r.Title, width, float64(len(r.Rows))*rowHeight+28)
}

// dots draws the rows.
type dots struct{ rows []Row }

var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}

// Plot implements plot.Plotter.
func (d dots) Plot(c draw.Canvas, g *plot.Plot) {
	tx, ty := g.Transforms(&c)
	for i, row := range d.rows {
		y := ty(float64(len(d.rows) - 1 - i))
		n := len(row.Dots)
		for k, dot := range row.Dots {
			if !dot.Known {
				continue
			}
			at := y + vg.Length(float64(n-1)/2-float64(k))*6
			color := Of(k)
			if dot.Interval {
				c.StrokeLine2(draw.LineStyle{Color: color.mark(strong), Width: 2.2}, tx(dot.Low), at, tx(dot.High), at)
			}
			c.DrawGlyph(draw.GlyphStyle{Color: color.mark(full), Radius: 3.4, Shape: shapes[k%len(shapes)]}, vg.Point{X: tx(dot.Value), Y: at})
		}
	}
}
