// Package procstat reads what the kernel says of a process: who it is, whose
// group and session it belongs to, and what it took from the machine. Linux only.
package procstat
