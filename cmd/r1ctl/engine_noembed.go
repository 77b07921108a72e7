//go:build noembed

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/doctor"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// ensureEngine has nothing to start in a binary without the embedded engine.
func (a *app) ensureEngine(context.Context, *config.Config) (engine, error) {
	return engine{}, &r1.Error{
		Name:   "no-embedded-engine",
		Detail: "this binary was built without the embedded engine, and no Temporal is configured",
		Remedy: "set temporal.address and s3.endpoint, or use the full binary",
	}
}

func (a *app) engineCommands() []*cobra.Command { return nil }

func (a *app) engineDeps(*config.Config, *doctor.Deps) (bool, error) { return false, nil }
