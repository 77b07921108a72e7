// Package choice reads the answer to a multiple-choice question: as a letter, as
// the text of an option, or as either.
//
// It never guesses. An answer that names two options, or whose letter and text
// disagree, is ambiguous, which is wrong; a distractor mentioned on the way
// ("not B, but C") does not become the answer, and an option whose text is part of
// another option's is not found inside it. Everything here is pure and linear in
// the text for a bounded number of options.
package choice
