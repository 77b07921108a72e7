// Package curate computes the curate kind: rows in, an ordered list of declared
// steps, rows out, and a funnel that accounts for every row.
//
// Each step is one file, step_<name>.go, with its definition, thresholds and
// reasons in its doc comment; Steps is the table of them. docs/curate.md says how
// well they do on labelled rows (testdata/labelled).
//
// Rows stream. Workers look at batches of them side by side (flow.go) and find
// out all that needs no other row; what depends on the rows before (the keys of
// dedup, counts, what is written) happens in one place, in their order
// (pipeline.go). So equal input, params and seed give equal bytes, whatever the
// number of workers. Steps that must see all rows first (pass-rate, near-dedup,
// select, cap, mix, shuffle) let them wait in files without a name, and hold a
// few dozen bytes a row in memory (waiting.go); steps in a row of that kind wait
// together. What is kept of all rows has a budget of memory, and goes to disk
// beyond it (package index).
//
// A run with a Journal keeps what it found out in shards of rows, and the next
// one begins with them (journal.go).
//
// A run leaves in its folder the rows, funnel.json, and a file with file, line,
// step and reason of every row that did not get through; Layout names them. That
// of a stage is compressed, and no reader of a dataset takes it for rows.
//
// What does not live here: judging (internal/verify), generating (the trainer),
// storing (internal/artifact), the YAML of recipes and of r1ctl curate (recipes).
package curate
