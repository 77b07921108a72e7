// Package statedir is the directory in which the embedded mode keeps everything:
// its layout and version, the locks that make one server own it, the ports and
// credentials that stay the same over restarts, and bounded log files.
//
// It knows files and processes, not what runs on them: Temporal, S3 and the
// server are its siblings.
package statedir
