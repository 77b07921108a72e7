// Package destination reads the addresses to which a model or a data set is published:
// hf://org/name[@branch], s3://bucket/prefix, and a folder. It knows nothing of what is
// there.
package destination
