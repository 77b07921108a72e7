// Package pages serves reports over HTTP: a list of runs, the live report of a
// run, and the log of an attempt. Nothing can be changed through it.
//
// It is meant for loopback. A page of another site that resolves its own name to
// this machine is refused by the Host header, and no page may load anything.
package pages
