package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// XY is a point.
type XY struct{ X, Y float64 }

// Line is a line through points.
type Line struct {
	Points []XY
	Color  Color
	Width  float64 // 0: 1.8
	Faint  bool    // raw values behind a smoothed line
	Dashed bool
	Dots   bool // mark the points
}

// Band is an area between two lines over the same x.
type Band struct {
	X, Low, High []float64
	Color        Color
}

// Plot is a plot over steps.
type Plot struct {
	Title         string // what it shows, for those who do not see it
	X             string // label of the x axis
	Lines         []Line
	Bands         []Band
	Marks         []float64 // x of vertical lines: phases, restarts
	MinY, MaxY    *float64  // bounds to keep within, such as 0 and 1 for a share
	MinX, MaxX    *float64
	Width, Height float64 // of the viewBox; 0: 360 by 200
}

const fontSize = 11

// SVG draws the plot.
func (p Plot) SVG() (template.HTML, error) {
	width, height := p.Width, p.Height
	if width == 0 {
		width, height = 360, 200
	}
	g := empty()
	g.X.Label.Text = p.X
	for _, x := range p.Marks {
		g.Add(vertical{x})
	}
	for _, b := range p.Bands {
		if err := addBand(g, b); err != nil {
			return "", err
		}
	}
	for _, l := range p.Lines {
		if err := addLine(g, l); err != nil {
			return "", err
		}
	}
	p.bounds(g)
	return render(g, p.Title, width, height)
}

// bounds fits the axes: a flat line gets room, and given bounds are kept.
func (p Plot) bounds(g *plot.Plot) {
	if p.MinX != nil {
		g.X.Min = *p.MinX
	}
	if p.MaxX != nil {
		g.X.Max = *p.MaxX
	}
	room(&g.X, 1)
	pad := 0.06 * (g.Y.Max - g.Y.Min)
	g.Y.Min, g.Y.Max = g.Y.Min-pad, g.Y.Max+pad
	if p.MinY != nil {
		g.Y.Min = *p.MinY
	}
	if p.MaxY != nil {
		g.Y.Max = *p.MaxY
	}
	room(&g.Y, math.Max(math.Abs(g.Y.Max)/10, 1e-6))
}

func room(a *plot.Axis, by float64) {
	if a.Max-a.Min < 1e-12 {
		a.Min, a.Max = a.Min-by, a.Max+by
	}
}

// empty is a plot in our style: a few horizontal lines, no frame.
func empty() *plot.Plot {
	g := plot.New()
	sans := font.Font{Typeface: "Liberation", Variant: "Sans", Size: fontSize}
	for _, a := range []*plot.Axis{&g.X, &g.Y} {
		a.Tick.Label.Font, a.Label.TextStyle.Font = sans, sans
		a.Tick.Label.Color, a.Label.TextStyle.Color = Muted.mark(full), Muted.mark(full)
		a.LineStyle.Color, a.Tick.LineStyle.Color = Grid.mark(full), Grid.mark(full)
		a.Tick.Marker = plot.TickerFunc(ticks)
		a.Padding = 4
	}
	g.X.LineStyle.Width, g.X.Tick.Length, g.X.Tick.LineStyle.Width = 1, 4, 1
	g.Y.LineStyle.Width, g.Y.Tick.Length = 0, 0
	g.BackgroundColor = nil
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Vertical.Color = nil
	grid.Horizontal = draw.LineStyle{Color: Grid.mark(full), Width: 0.75}
	g.Add(grid)
	return g
}

func addLine(g *plot.Plot, l Line) error {
	xys := make(plotter.XYs, len(l.Points))
	for i, p := range l.Points {
		xys[i] = plotter.XY(p)
	}
	if len(xys) == 0 {
		return nil
	}
	line, points, err := plotter.NewLinePoints(xys)
	if err != nil {
		return fmt.Errorf("draw a line: %w", err)
	}
	line.LineStyle = draw.LineStyle{Color: l.Color.mark(full), Width: vg.Length(1.8)}
	if l.Width > 0 {
		line.LineStyle.Width = vg.Length(l.Width)
	}
	if l.Faint {
		line.LineStyle = draw.LineStyle{Color: l.Color.mark(half), Width: 1}
	}
	if l.Dashed {
		line.LineStyle.Dashes = []vg.Length{4, 3}
	}
	g.Add(line)
	if l.Dots || len(xys) == 1 {
		points.GlyphStyle = draw.GlyphStyle{Color: l.Color.mark(full), Radius: 2.4, Shape: draw.CircleGlyph{}}
		g.Add(points)
	}
	return nil
}

func addBand(g *plot.Plot, b Band) error {
	if len(b.X) < 2 {
		return nil
	}
	var ring plotter.XYs
	for i := range b.X {
		ring = append(ring, plotter.XY{X: b.X[i], Y: b.High[i]})
	}
	for i := len(b.X) - 1; i >= 0; i-- {
		ring = append(ring, plotter.XY{X: b.X[i], Y: b.Low[i]})
	}
	area, err := plotter.NewPolygon(ring)
	if err != nil {
		return fmt.Errorf("draw a band: %w", err)
	}
	area.Color = b.Color.mark(faint)
	area.LineStyle.Width = 0
	g.Add(area)
	return nil
}

// vertical is a thin line over the height of the plot.
type vertical struct{ x float64 }

// Plot implements plot.Plotter.
func (v vertical) Plot(c draw.Canvas, g *plot.Plot) {
	if v.x < g.X.Min || v.x > g.X.Max {
		return
	}
	tx, _ := g.Transforms(&c)
	x := tx(v.x)
	c.StrokeLine2(draw.LineStyle{Color: Muted.mark(strong), Width: 0.75, Dashes: []vg.Length{2, 3}}, x, c.Min.Y, x, c.Max.Y)
}

// ticks are at most six round numbers, each with its label.
func ticks(low, high float64) []plot.Tick {
	if !(high > low) || math.IsInf(high-low, 0) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, factor := range []float64{1, 2, 2.5, 5, 10} {
		if (high-low)/(step*factor) <= 5.5 {
			step *= factor
			break
		}
	}
	var out []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
		out = append(out, plot.Tick{Value: i * step, Label: label(i*step, step)})
	}
	return out
}

// label writes a number with the digits that its step needs.
func label(v, step float64) string {
	switch a := math.Abs(v); {
	case a < step/2:
		return "0"
	case a >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + "M"
	case a >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + "k"
	case step < 1e-4:
		return strconv.FormatFloat(v, 'e', 0, 64)
	}
	digits := 0
	for d := step; digits < 6 && math.Abs(d-math.Round(d)) > 1e-9; d *= 10 {
		digits++
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

var opening = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)

// render draws onto an SVG that the page can style, and that says what it is.
func render(g *plot.Plot, title string, width, height float64) (template.HTML, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(vg.Length(width), vg.Length(height)), vgsvg.EmbedFonts(false))
	g.Draw(draw.Crop(draw.New(canvas), 2, -6, 2, -4))
	var raw bytes.Buffer
	if _, err := canvas.WriteTo(&raw); err != nil {
		return "", fmt.Errorf("write the plot: %w", err)
	}
	var name strings.Builder
	if err := xml.EscapeText(&name, []byte(title)); err != nil {
		return "", fmt.Errorf("write the plot's title: %w", err)
	}
	head := fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" class="plot" aria-label="%s"><title>%s</title>`, width, height, name.String(), name.String())
	body := opening.ReplaceAllLiteralString(raw.String(), head)
	body = strings.ReplaceAll(body, "font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;", "")
	return template.HTML(paint(body)), nil // all text in it is escaped: gonum's by its writer, the title here
}
