package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// difference is what two recipes or runs differ in, for programs.
type difference struct {
	A       string      `json:"a"`
	B       string      `json:"b"`
	Changes []r1.Change `json:"changes"`
	// Jobs are those of B whose results A does not have: what a run of B would make anew.
	Jobs []string `json:"jobs"`
}

func (a *app) diffCommand() *cobra.Command {
	var f recipeFlags
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare recipes or runs field by field, and say what that makes anew",
		Long: `This command compares two recipes, or runs, as they are resolved: profile, --set
values, defaults and templates filled in. Then it lists the jobs of B whose results
A would not have. --profile and --set apply to recipes, not to runs.

Exit status: 0, whether they differ or not.`,
		Example: `  r1ctl diff mine.yaml full-r1
  r1ctl diff full-r1 full-r1-1123-k7q2 --profile laptop
  r1ctl diff full-r1-1123-k7q2 full-r1-1124-b2xa -o json`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeRecipes,
		RunE: func(cmd *cobra.Command, args []string) error {
			var both [2]*subject
			for i, name := range args {
				s, err := a.subject(cmd, name, f.options())
				if err != nil {
					return err
				}
				both[i] = s
			}
			d, err := differ(both[0], both[1])
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(d)
			}
			a.printDifference(d)
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func differ(x, y *subject) (*difference, error) {
	changes, err := recipes.Differences(x.recipe.Fields(), y.recipe.Fields())
	if err != nil {
		return nil, err
	}
	d := &difference{A: x.name, B: y.name, Changes: changes, Jobs: []string{}}
	if d.Changes == nil {
		d.Changes = []r1.Change{}
	}
	has := map[string]bool{}
	for _, s := range x.plan.Stages {
		for _, j := range s.Jobs {
			has[j.Fingerprint] = true
		}
	}
	for _, s := range y.plan.Stages {
		for _, j := range s.Jobs {
			if !has[j.Fingerprint] {
				d.Jobs = append(d.Jobs, s.Name+"/"+j.Name)
			}
		}
	}
	return d, nil
}

func (a *app) printDifference(d *difference) {
	if len(d.Changes) == 0 {
		fmt.Fprintf(a.out, "%s and %s are the same, field by field\n", d.A, d.B)
	}
	for _, c := range d.Changes {
		fmt.Fprintf(a.out, "%s: %s -> %s\n", c.Field, short(c.From), short(c.To))
	}
	if len(d.Jobs) == 0 {
		fmt.Fprintln(a.out, "no job of the second would be made anew")
		return
	}
	fmt.Fprintf(a.out, "%d jobs of the second would be made anew:\n", len(d.Jobs))
	for _, j := range d.Jobs {
		fmt.Fprintf(a.out, "  %s\n", j)
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
