// Package e2e holds the tests that a user would make: the real binary with its
// embedded engine, the real trainer, real models, whole runs. They need the
// trainer's environment (make setup) and the build tag e2e:
//
//	make test-e2e
package e2e
