// Package house holds the rules of this repository that a compiler does not
// know, as tests: which package may import which, that every package says what
// it is, that files stay readable, that every error a user can meet is
// documented in docs/errors.md, and that scripts/prerequisites.sh names what is
// missing. It has no code of its own.
package house
