package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/doctor"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/sandbox"
)

// sandboxProbe tries real escapes from the sandbox that would run a model's programs.
func sandboxProbe(ctx context.Context) (string, error) {
	box, err := sandbox.New(ctx, sandbox.Options{})
	if err != nil { // jobs without programs need none
		remedy := "docs/sandbox.md says what a machine needs"
		if e, ok := r1.AsError(err); ok {
			remedy = e.Remedy
		}
		return "", doctor.Warning(err.Error(), remedy+"; without it code rewards are unverified")
	}
	defer box.Close()
	checks := box.StartChecks()
	var escaped []string
	for _, c := range checks {
		if !c.Contained {
			escaped = append(escaped, c.Name+" ("+c.Detail+")")
		}
	}
	if len(escaped) > 0 {
		return "", doctor.Warning("programs would escape: "+strings.Join(escaped, ", "), "docs/sandbox.md says what a machine needs; without it code rewards are unverified")
	}
	return fmt.Sprintf("%s, %d escapes tried and contained, python %s, compiler %s", box.Name(), len(checks), box.Python(), orNone(box.Compiler())), nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
