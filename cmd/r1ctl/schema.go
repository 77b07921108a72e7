package main

import (
	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/recipes"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of recipes, for completion and checks in editors",
		Long: `This command prints a JSON Schema (draft 7) of recipe files, made from what r1ctl
itself reads them by. An editor that knows YAML schemas then completes keys, shows
what they mean, and marks mistakes. r1ctl lint checks more than a schema can say.

With the YAML language server, write this as the first line of a recipe:

  # yaml-language-server: $schema=recipe.schema.json`,
		Example: "  r1ctl schema > recipe.schema.json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.printJSON(recipes.JSONSchema()) },
	}
}
