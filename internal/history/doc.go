// Package history holds the tests of what runs leave in Temporal's history: how
// many events and bytes a launched job costs, whatever its steps, its attempts and
// its time. The Temporal server and the workflows are the real ones; attempts are
// simulated, and end at once.
//
// make history-counts runs the large cases too, and writes docs/history.md.
package history
