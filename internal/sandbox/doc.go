// Package sandbox runs untrusted programs: it gives a program its input, keeps
// it inside limits of time, memory, output and processes, and says how it
// ended. The program sees a read-only root with an interpreter and a compiler,
// an empty work folder, and nothing else: no network, no files of the host, no
// other process, no environment, no open files.
//
// Providers, the first whose self-test passes: "container" (go-sandbox as a
// library: a pool of containers forked once and emptied after each run) and
// "bubblewrap" (the bwrap command, a fresh container for each run). Where
// neither works New refuses, unless the caller asks for "unsafe".
//
// Trouble of the sandbox itself is the status Fault, never the program's
// failure. What does not live here: what a program should print (the judge in
// internal/verify/program), and which programs to run.
package sandbox
