// Command bench measures package curate on generated rows: the speed of each
// filter and of a whole chain beside that of reading alone, the memory, and
// decontamination beside a plain Python script with open-r1's rule. It prints a
// Markdown page.
//
//	go run ./internal/curate/bench -rows 100000 -dir /var/tmp/bench
//
// Each measurement is a process of its own, so that its memory is its own.
package main
