// Package activities holds the side effects of a run: finding and writing
// commits, preparing, launching and following attempts, computing curate jobs,
// and the records that status reads. One file a concern.
//
// It declares the small interfaces it needs and knows no concrete launcher.
// Every activity may be retried, run twice, or be killed at any line: what it
// does is idempotent, and S3 holds the truth.
package activities
