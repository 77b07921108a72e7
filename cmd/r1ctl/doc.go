// Command r1ctl runs the whole DeepSeek-R1 recipe as durable workflows.
//
// Each command has a file of its own and is thin: it reads settings, opens a
// session (client of the embedded engine, or of yours), and calls a package.
package main
