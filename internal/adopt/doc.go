// Package adopt makes something that no job of r1ctl made the result of one: a model or a
// data set in a local folder, in S3 or at the Hugging Face Hub. It checks what the stage's contract can check,
// describes the files by a manifest, and commits them under the fingerprint of the job, so
// that every later run reuses them. What lies in the same bucket is referred to where it is.
//
// It runs nothing, and it does not know where recipes come from.
package adopt
