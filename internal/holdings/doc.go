// Package holdings says what a run holds in the bucket: its committed artifacts,
// with where their bytes lie, and fetches and checks them. It changes nothing in
// the bucket; internal/retention removes.
package holdings
