// Package server is the embedded mode: one process that owns a state directory
// and runs Temporal, its web UI and a worker, with the S3 server as its child.
//
// Run is that process. Ensure, Stop, Probe and Touch are for clients of it: they
// make one start, end it, describe it, and keep it from ending when idle.
// The truth about who runs is the lock of the state directory, which the kernel
// releases; server.json only says how to reach the holder.
package server
