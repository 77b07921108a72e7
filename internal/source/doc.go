// Package source opens what curate reads from outside: data sets of the Hub
// (hf://), objects and folders in S3 (s3://), puzzles (rg://) and the tiny world
// (tiny://), for stages and for `r1ctl curate` alike. Local paths need no opener.
//
// What does not live here: formats and rows (internal/curate), the Hub's API
// (internal/hub), transfers (internal/artifact).
package source
