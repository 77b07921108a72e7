// Package embedded is the parent of the parts that make r1ctl work with nothing
// configured: the state directory, the S3 server, Temporal with its web UI, and
// the server that runs them together.
//
// Only cmd imports them, and only through embedded/server, in files that a build
// tag (noembed) leaves out. It holds no code itself. Nothing else in the module
// may depend on whether Temporal and S3 are embedded or configured.
package embedded
