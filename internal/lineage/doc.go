// Package lineage reads a plan for which model came from which, and which
// evaluation measured it. It knows nothing of any recipe's stage names, and
// does no I/O.
package lineage
