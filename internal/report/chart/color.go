package chart

import (
	"fmt"
	"image/color"
	"strings"
)

// Color is a role, not a colour: the page's style gives it one.
type Color int

// The roles. Series1 and so on can be told apart also by the colour-blind.
const (
	Ink Color = iota
	Muted
	Grid
	Series1
	Series2
	Series3
	Series4
	Series5
	Series6
)

var variables = [...]string{"--ink", "--muted", "--grid", "--c1", "--c2", "--c3", "--c4", "--c5", "--c6"}

// Variable is the CSS variable of the role.
func (c Color) Variable() string { return variables[c] }

// Of gives the i-th series its role; after the last they begin again.
func Of(i int) Color { return Series1 + Color(i%6) }

// strength is how much of a colour shows.
type strength int

const (
	full strength = iota
	strong
	half
	faint
)

var opacities = [...]string{"1", ".7", ".38", ".16"}

// mark is the opaque colour that stands for a role and a strength while gonum
// draws: no other part of a plot has it.
func (c Color) mark(s strength) color.NRGBA {
	return color.NRGBA{R: 0xFA, G: 0xCE, B: uint8(c) | uint8(s)<<4, A: 255}
}

// paint puts CSS in place of the marks.
func paint(svg string) string {
	var pairs []string
	for i, v := range variables {
		for s, o := range opacities {
			mark := fmt.Sprintf(":#FACE%02X", i|s<<4)
			for _, what := range []string{"fill", "stroke"} {
				style := what + ":var(" + v + ")"
				if strength(s) != full {
					style += ";" + what + "-opacity:" + o
				}
				pairs = append(pairs, what+mark, style)
			}
		}
	}
	return strings.NewReplacer(pairs...).Replace(svg)
}
