// Package lint checks what a recipe that loads can still get wrong: contracts
// between stages that no single line shows, such as a reward that its template
// never asks for, or a step that needs a field that no row has.
//
// Every rule has an id, a severity, a reason and a remedy; docs/lint.md is made
// from them. What needs the real tokenizer, chat template or remote data is listed
// as checked at the first launch (AtFirstLaunch), never guessed.
//
// The package reads the recipe and, through Facts, what is on this machine: no
// network, no S3, no engine.
package lint
