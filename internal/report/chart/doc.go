// Package chart draws the plots of a report as inline SVG with gonum/plot.
//
// Colours leave the package as CSS variables (--ink, --muted, --grid and --c1 to
// --c6), so the page decides them, for light, dark and paper alike. Sizes are
// those of a viewBox: a plot is as wide as the element that holds it.
package chart
