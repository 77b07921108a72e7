// Package trail follows rows through the datasets of a run: from any row back to the
// sample, the verdict, the model and the line of the source that it comes from, and on
// to what later stages made of it.
//
// It reads the run's plan, its commits and its datasets, as streams, and keeps no index:
// a question costs one pass over the datasets on the way. Rows are the same where
// their id is, and the number of the sample where they have one.
package trail
