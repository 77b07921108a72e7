// Package hubtest is a small Hub on loopback, for tests: data sets and models by the tree,
// revision, refs and resolve API, listings in pages, large files at another host
// behind a redirect, and faults on demand. Writable is one that can be written to.
package hubtest
