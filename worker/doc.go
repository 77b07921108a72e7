// Package worker wires the activities to real parts (store, launcher, curation)
// and serves them: the only place that sees concrete launchers.
package worker
