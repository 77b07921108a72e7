// Package report turns a run into one HTML page for people: what happened at
// each stage, in numbers, curves, data counts, times and real responses.
//
// Collect reads everything from S3 into a Report, which is plain data. Render
// writes a Report as one self-contained HTML file, and does no I/O besides. What
// is not there, because the run still goes on or because nobody measured it, is
// absent from a Report and said on the page; it never becomes a 0.
//
// How stages belong together comes from the plan alone: an evaluation is joined
// with the model it measures by its input, a model with its parent by what it
// was trained from. No name of a stage means anything here.
//
// The subpackages: chart draws, paper holds the curves of the paper, link makes
// addresses of pages, pages serves them.
package report
