// Package compare sets runs of one recipe side by side, such as runs that differ
// by their seed: what each model scores, and what each stage changed, with
// intervals over the runs. It computes; it reads nothing itself.
package compare
