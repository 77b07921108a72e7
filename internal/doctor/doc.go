// Package doctor looks at a machine and says whether r1ctl can work on it: what
// was checked, how it stands, and the command that helps. It changes nothing.
//
// It knows the machine itself (cores, memory, disk, ports). Everything else
// (Python, the trainer's environment, the engine, S3, Temporal) is handed to it
// as a Probe, so that it depends on none of those parts.
package doctor
