package recipes_test

import (
	"errors"
	"flag"
	"os"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file that people have looked at.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
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

// named asserts that err is a user's error of that name.
func named(t *testing.T, err error, name string) *r1.Error {
	t.Helper()
	var e *r1.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want the error %s", err, name)
	}
	if e.Name != name || e.Remedy == "" {
		t.Fatalf("got the error %q with the remedy %q, want %s: %s", e.Name, e.Remedy, name, e.Detail)
	}
	return e
}
