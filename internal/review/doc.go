// Package review is what a person does with rows: a batch of them is written to a
// file, the person decides about each and may edit its response, and the file is
// read back, strictly, with every mistake by its line.
//
// What does not live here: which rows a stage has, and what becomes of reviewed
// ones (internal/curate); where reviews are kept (activities).
package review
