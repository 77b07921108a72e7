package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Exit codes, the same for every command (docs/cli.md).
const (
	exitOK        = 0
	exitError     = 1 // something went wrong here
	exitUsage     = 2 // bad flags, settings or recipe: nothing was started
	exitRunFailed = 3
	exitCancelled = 4
)

// codeError carries an exit code for an outcome that has been shown already.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is an error in how the command was called.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// usageNames are the errors that only the user's input can cause.
var usageNames = map[string]bool{
	"config-invalid": true, "recipe-invalid": true, "unknown-recipe": true,
	"unknown-profile": true, "unknown-run": true, "unknown-stage": true, "unknown-gate": true, "run-exists": true,
	"fork-incomplete": true, "fork-before-stage": true, "set-not-amendable": true, "unknown-reward": true, "reward-parameter-invalid": true,
	"code-provider-invalid": true, "endpoint-unknown": true, "unknown-output": true, "adopt-refused": true, "source-missing": true,
	"unsupported-source": true, "review-invalid": true, "review-incomplete": true,
}

// report prints an error once and gives its exit code.
func report(w io.Writer, err error) int {
	var code codeError
	if err == nil {
		return exitOK
	}
	if errors.As(err, &code) {
		return int(code)
	}
	user, ok := r1.AsError(err)
	if !ok {
		text := strings.TrimSpace(err.Error())
		fmt.Fprintf(w, "error: %s\n", text)
		// cobra has no type for this one.
		if errors.As(err, new(usageError)) || strings.HasPrefix(text, "unknown command") {
			return exitUsage
		}
		return exitError
	}
	fmt.Fprintf(w, "error: %s [%s]\n", strings.TrimRight(err.Error(), "\n"), user.Name)
	if user.Remedy != "" {
		fmt.Fprintf(w, "  try: %s\n", user.Remedy)
	}
	if usageNames[user.Name] {
		return exitUsage
	}
	return exitError
}
