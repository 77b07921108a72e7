package main

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/suggest"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/recipes"
	"github.com/r1ctl/r1ctl/trainer"
)

// recipeFlags say which recipe a command is about, and how it is read.
type recipeFlags struct {
	profile string
	set     []string
}

// add declares the flags, with completion of profiles.
func (f *recipeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.profile, "profile", "p", "", "profile that sizes the recipe (default: the recipe's own)")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "change a value of the recipe, such as zero.params.steps=80 (repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("profile", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return recipes.Profiles(args[0]), cobra.ShellCompDirectiveNoFileComp
	})
}

func (f *recipeFlags) options() recipes.Options {
	return recipes.Options{Profile: f.profile, Set: f.set}
}

func completeRecipes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return recipes.List(), cobra.ShellCompDirectiveDefault
}

func (a *app) lintCommand() *cobra.Command {
	var f recipeFlags
	var explain string
	var strict bool
	cmd := &cobra.Command{
		Use:   "lint RECIPE",
		Short: "Check a recipe for what would only go wrong later, line by line",
		Long: `This command checks a recipe: that it loads, and the contracts between its stages
(formats and templates, lengths, fields of rows, domains, learning rates, and so
on). It starts nothing and needs no network. docs/lint.md lists the rules;
--explain ID tells why one is there.

Exit status: 0, also with warnings; 2 with errors, and with --strict also with
warnings. plan and start refuse a recipe with errors.`,
		Example: `  r1ctl lint recipes/full-r1.yaml
  r1ctl lint full-r1 --profile paper -o json
  r1ctl lint --explain format-not-asked`,
		Args: func(cmd *cobra.Command, args []string) error {
			if explain != "" {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		ValidArgsFunction: completeRecipes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if explain != "" {
				return a.explainRule(explain)
			}
			return a.lint(cmd, args[0], f.options(), strict)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&explain, "explain", "", "say what a rule is, and why, by its id")
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings are errors")
	_ = cmd.RegisterFlagCompletionFunc("explain", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func ruleIDs() []string {
	var out []string
	for _, r := range lint.Rules() {
		out = append(out, r.ID)
	}
	return out
}

func (a *app) explainRule(id string) error {
	rule, ok := lint.Find(id)
	if !ok {
		err := fmt.Errorf("there is no rule %q; docs/lint.md lists them", id)
		if near := suggest.Nearest(id, ruleIDs()); near != "" {
			err = fmt.Errorf("there is no rule %q; did you mean %q?", id, near)
		}
		return usageError{err}
	}
	if a.json() {
		return a.printJSON(rule)
	}
	fmt.Fprintf(a.out, "%s (%s)\n  holds:  %s\n  why:    %s\n  remedy: %s\n", rule.ID, rule.Severity, rule.Title, rule.Reason, rule.Remedy)
	return nil
}

// linted is what lint says of a recipe, for programs.
type linted struct {
	Recipe   string         `json:"recipe"`
	Profile  string         `json:"profile,omitempty"`
	Errors   int            `json:"errors"`
	Warnings int            `json:"warnings"`
	Findings []lint.Finding `json:"findings"`
	Later    []string       `json:"checked_at_first_launch"`
}

func (a *app) lint(cmd *cobra.Command, recipe string, o recipes.Options, strict bool) error {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	facts, err := lintFacts(cfg, planFlags{})
	if err != nil {
		return err
	}
	out := linted{Recipe: recipe, Profile: o.Profile, Later: lint.AtFirstLaunch()}
	r, err := recipes.Load(recipe, o)
	if err != nil {
		if out.Findings = lint.OfError(err); out.Findings == nil {
			return err
		}
	} else {
		out.Profile, out.Findings = r.Profile, lint.Check(r, facts)
	}
	for _, f := range out.Findings {
		switch f.Severity {
		case lint.Error:
			out.Errors++
		case lint.Warning:
			out.Warnings++
		}
	}
	if a.json() {
		if out.Findings == nil {
			out.Findings = []lint.Finding{}
		}
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		printFindings(a.out, out)
	}
	if out.Errors > 0 || strict && out.Warnings > 0 {
		return codeError(exitUsage)
	}
	return nil
}

func printFindings(w io.Writer, l linted) {
	for _, f := range l.Findings {
		fmt.Fprintf(w, "%s: %s: %s [%s]\n    %s\n", f.Place, f.Severity, f.Text, f.Rule, f.Remedy)
	}
	if len(l.Findings) > 0 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s: %d errors, %d warnings, %d notes\n", l.Recipe, l.Errors, l.Warnings, len(l.Findings)-l.Errors-l.Warnings)
	fmt.Fprintln(w, "checked at the first launch of each stage, before it trains:")
	for _, line := range l.Later {
		fmt.Fprintf(w, "  - %s\n", line)
	}
}

// lintFacts are what lint and plan know of models: those in the binary and on this
// machine exactly, those on a hub by their card or name. Of the site they know the
// accelerators that it says a job may have.
func lintFacts(cfg config.Config, f planFlags) (lint.Facts, error) {
	m, err := machineGiven(perJob(cfg), f)
	return lint.Facts{Model: modelOf, Accelerators: m}, err
}

func modelOf(address string) (estimate.Model, bool) {
	if name, tiny := strings.CutPrefix(address, tinyworld.Scheme); tiny {
		raw, err := fs.ReadFile(trainer.Source, path.Join("r1trainer/assets", "tiny-"+name, "config.json"))
		if err != nil {
			return estimate.Model{}, false
		}
		return estimate.OfConfig(raw, address)
	}
	if !strings.Contains(address, "://") {
		return estimate.OfFolder(address)
	}
	return estimate.OfAddress(address)
}
