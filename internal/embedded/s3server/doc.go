// Package s3server is the embedded S3 server: versitygw's posix gateway in a
// process of its own, with what is needed to trust it with the only copy of a
// run. Main is that process; Supervise starts it and keeps it alive.
//
// What it adds to the gateway (v1.8.0), and why:
//
//   - One process a directory, by a lock, and none without its parent: the
//     gateway changes the working directory, keeps package globals, prints to
//     standard output, and may crash; so it is a child.
//   - The gateway never calls fsync: an answered write could be lost with the
//     power. Here it is on disk, with its directories, before the answer.
//   - A crash while parts are being joined leaves the upload under another name,
//     and the client's next attempt to complete it then succeeds without an
//     object. Such uploads are put back before the first request is served.
//   - Uploads that nobody completed are removed after a week.
package s3server
