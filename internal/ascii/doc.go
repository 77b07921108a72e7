// Package ascii looks at plain text eight bytes at a time, for those who cut
// much text into words: the filters of package curate and the language reward.
//
// What does not live here: anything that knows what a word is.
package ascii
