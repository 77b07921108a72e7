// Package prompts renders rows into what a model is asked: it is the one place
// that says what a template means. trainer/r1trainer/templates.py follows it, and
// both are tested on testdata/cases.json.
//
// It knows no tokenizer: how turns become tokens is the generator's matter.
package prompts
