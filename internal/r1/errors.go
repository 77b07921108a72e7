package r1

import (
	"errors"
	"fmt"
)

// Error is an error a user can meet: it has a stable name and says what to do.
type Error struct {
	Name   string // stable, kebab-case, such as "port-in-use"
	Detail string // what happened, one line
	Remedy string // what to do about it, best a command
	Err    error  // cause, may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Detail, e.Err)
	}
	return e.Detail
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError finds the user-facing error in a chain.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
