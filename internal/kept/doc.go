// Package kept has the folders in which answers that were paid for stay for whoever asks the
// same again: one a scope, forgotten when nobody has opened it for long.
//
// What does not live here: what an answer is, and how one is found (internal/generate,
// internal/embed).
package kept
