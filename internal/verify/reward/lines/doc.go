// Package lines scores rows of JSON lines: it reads them in bounded batches,
// asks for their rewards, and writes one line a row, in order.
//
// What a reward is, and what a row may hold, is package reward's matter.
package lines
