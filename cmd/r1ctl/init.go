package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/recipes"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [NAME]",
		Short: "Write a small commented recipe to start from",
		Long: `This command writes NAME.yaml (default: my-recipe.yaml) in this folder: a small
recipe with comments, which runs as it is, in minutes, on one CPU. A file that is
there already is never written over.`,
		Example: "  r1ctl init\n  r1ctl init sums && r1ctl plan sums.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := "my-recipe"
			if len(args) > 0 {
				name = args[0]
			}
			text, err := recipes.Starter(name)
			if err != nil {
				return err
			}
			file := name + ".yaml"
			if err := writeNew(file, text); err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(map[string]string{"recipe": name, "file": file})
			}
			fmt.Fprintf(a.out, "%s is written\n  r1ctl plan %s\n  r1ctl start %s\n", file, file, file)
			return nil
		},
	}
}

// writeNew writes a file that is not there yet.
func writeNew(file, text string) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s is there already; choose another name: r1ctl init NAME", file)}
	}
	if err != nil {
		return fmt.Errorf("write the recipe: %w", err)
	}
	_, err = out.WriteString(text)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
