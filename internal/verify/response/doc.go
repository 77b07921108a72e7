// Package response takes the text of a response apart: thinking and reply, the
// answer block, boxes. Every judge, reward and filter goes by it, so that they
// never disagree on where a reply begins.
//
// What does not live here: what an answer means (the judges), programs in fenced
// blocks (package program).
package response
