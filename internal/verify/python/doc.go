// Package python runs Python processes that answer line by line: the pool's and
// those of reward functions.
//
// A process has a group of its own and dies with this one. It reads requests from
// its standard input, and answers on descriptor 3: what libraries print, or what
// a judged text makes them print, is no answer.
//
// What does not live here: what is asked, and when a process is replaced.
package python
