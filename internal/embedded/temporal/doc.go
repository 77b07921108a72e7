// Package temporal runs a Temporal server and its web UI inside this process, on
// the loopback interface, with one SQLite file.
//
// It knows nothing of r1ctl but what it is configured with; workers and clients
// reach it like any other Temporal server, by address.
package temporal
