// Package child starts processes that have a group of their own and die with the
// process that started them, however it ends.
//
// What leaves the group (a daemon) is not ended here: it is found by its mark
// (childenv.AttemptDir).
package child
