// Package reporttest holds a small run as the engine leaves it in S3, in memory,
// for the tests of reports and of the pages that show them.
package reporttest
