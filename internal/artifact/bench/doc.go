// Command bench moves a checkpoint up to the embedded S3 server and down again, with
// the store of this repository, with rclone and with the AWS CLI, in turns and on
// the same server, and prints a table (make bench-artifacts). Every tool runs as a
// process of its own, with its defaults; wall time is that of the process, and memory
// its largest resident set. A tool that is not installed is left out, and named.
package main
