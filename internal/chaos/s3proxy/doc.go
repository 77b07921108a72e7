// Package s3proxy stands between r1ctl and its S3 server, and spoils answers when
// it is told to: errors, slowness, connections that break off. It changes nothing
// that it lets through, so signatures and checksums hold.
package s3proxy
