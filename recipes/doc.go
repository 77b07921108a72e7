// Package recipes turns a recipe file into a plan.
//
// Load reads a recipe, lays a profile and --set values over it, and checks all
// of it: every mistake of a file is reported at once, with its line. Plan
// resolves the result into stages and jobs with parameters, seeds and
// fingerprints, which is what a run does.
//
// The YAML files of this folder are the recipes that travel inside the binary.
// schema.go and its neighbours (kinds.go, steps.go) are the only place where
// keys, types, ranges and defaults are written down; docs/recipes.md carries a
// table made from them.
//
// The package reads local files and nothing else: no network, no S3, no clock.
package recipes
