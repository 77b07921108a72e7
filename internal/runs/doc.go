// Package runs creates runs in S3 and reads their status back: from S3 alone,
// so that status works when no engine is up. It starts nothing.
package runs
