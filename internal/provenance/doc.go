// Package provenance says where an artifact comes from: the run, recipe, code,
// environment, seed and inputs behind it, the numbers that it was measured by, and
// the way its data took. It reads that from commits and manifests, and writes it as
// a card for people (the README.md of a Hugging Face folder) and as an in-toto
// statement with SLSA provenance for programs.
package provenance
