package recipes_test

import (
	"errors"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

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
