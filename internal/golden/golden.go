// Package golden compares what tests get with files that people have looked at, and
// writes these anew with go test ./PACKAGE -update.
package golden

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files, and what is generated in docs/, anew")

// Updating says whether files are to be written anew.
func Updating() bool { return *update }

// Check compares got with a file, which it writes first where files are to be written anew.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if Updating() {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew); got:\n%s", file, got)
	}
}
