// Package estimate says what a plan will take before anything runs: time on
// accelerators, wall time, money, storage and rows, each as low, likely and high.
//
// It is arithmetic over the plan, the sizes of models and a table of assumptions
// (assume.go), each with its source; runs of the past correct it (past.go). What it
// cannot know, such as the rows behind an s3:// address, it calls unknown: it is
// left out of totals, which then are lower bounds, and say so.
//
// The package is pure: no clock, no files (but model.go's OfFolder), no network.
package estimate
