// Package curate computes the curate kind: rows in, an ordered list of declared
// steps, rows out, and a funnel that accounts for every row.
//
// Each step is one file, step_<name>.go, with its definition, thresholds and
// reasons in its doc comment; Steps is the table of them. Run reads rows one at
// a time. Steps that judge a row by itself stream; steps that must see all rows
// first (pass-rate, select, cap, shuffle) write them to an unlinked spill file
// and keep a few dozen bytes a row in memory; dedup and decontaminate stream and
// keep 16 and 8 bytes an entry. Nothing here runs in parallel, so equal input,
// params and seed give equal bytes.
//
// A run leaves in its folder: data.jsonl, funnel.json, and dropped.jsonl.gz with
// file, line, step and reason of every row that did not get through. The last
// is compressed so that nobody who reads a dataset's *.jsonl takes it for rows.
//
// What does not live here: judging (internal/verify), generating (the trainer),
// storing (internal/artifact), and the YAML of recipes.
package curate
