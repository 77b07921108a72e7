// Package index holds what a curation has to know of all rows at once: numbers of
// keys, lists, and lists to sort. Each is in memory as long as a Budget that they
// share allows, and goes to a file beyond that, so that any number of rows can be
// looked at. What they answer does not depend on where they are. Their files have
// no name, and are gone with the process.
//
// What does not live here: rows (the spill files of package curate).
package index
