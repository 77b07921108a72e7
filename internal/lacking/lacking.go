// Package lacking is for tests that need more than a plain machine has: a browser,
// a sandbox, the trainer's environment. Where it is not there they are skipped, but
// not where all tests are asked for.
package lacking

import (
	"os"
	"testing"
)

// All asks for every test; so does CI=true.
const All = "R1CTL_ALL_TESTS"

// Skip skips a test that cannot run here, and fails it where all tests are asked for.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv(All) == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
