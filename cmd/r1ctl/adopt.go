package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/adopt"
	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
	"github.com/r1ctl/r1ctl/recipes"
)

func (a *app) adoptCommand() *cobra.Command {
	var f recipeFlags
	var recipe string
	var remove bool
	cmd := &cobra.Command{
		Use:   "adopt STAGE.OUTPUT ADDRESS --recipe RECIPE",
		Short: "Take an existing model or data set for the output of a stage",
		Long: `This command makes a model or a data set that you have the result of a stage: every
later run of the recipe in which that stage is the same reuses it and does not run
the stage. ADDRESS is a folder on this machine, which is uploaded;
s3://bucket/folder, where what lies in r1ctl's own bucket is referred to where it
is, and must stay there; or hf://org/name[@revision], a model or (also as
hf://datasets/org/name) a data set in JSON lines of the Hugging Face Hub, which is
fetched, checked by the Hub's digests and uploaded. HF_TOKEN, HF_ENDPOINT,
HF_HUB_CACHE and HF_HUB_OFFLINE mean what they do to the Hub's own client. A call
that was cut off is given again, and goes on where it was.

What can be checked is: a model's folder has its config, its tokenizer and all of
its weights, and is a reward model only where one is made; every row is JSON with
the fields that the stages need which read it. Whether it is good, nothing checks.
What comes before the stage still runs where other stages need it.

--remove takes it back: runs made since keep what they took.`,
		Example: `  r1ctl adopt zero.model ./my-r1-zero --recipe full-r1
  r1ctl adopt zero.model hf://deepseek-ai/DeepSeek-R1-Zero --recipe full-r1 --profile paper
  r1ctl adopt sft-data.data s3://r1ctl/imports/sft-800k --recipe full-r1 --profile paper
  r1ctl adopt distill.student-32 ./student --recipe full-r1 --set distill.params.epochs=1
  r1ctl adopt zero.model --remove --recipe full-r1`,
		Args: func(_ *cobra.Command, args []string) error {
			want := 2
			if remove {
				want = 1
			}
			if len(args) != want {
				return fmt.Errorf("accepts %d arg(s), received %d", want, len(args))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 || recipe == "" {
				return nil, cobra.ShellCompDirectiveDefault
			}
			r, err := recipes.Load(recipe, f.options())
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			plan, err := recipes.Plan(r, planOptions())
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return outputNames(plan), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			facts, err := lintFacts(cfg, planFlags{})
			if err != nil {
				return err
			}
			r, _, err := checked(recipe, f.options(), facts)
			if err != nil {
				return err
			}
			plan, err := recipes.Plan(r, planOptions())
			if err != nil {
				return err
			}
			output, err := findOutput(plan, args[0])
			if err != nil {
				return err
			}
			s, err := a.open(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			if remove {
				return a.unadopt(cmd.Context(), s, plan, args[0], output)
			}
			return a.adopt(cmd.Context(), s, plan, output, args[0], args[1])
		},
	}
	cmd.Flags().StringVarP(&f.profile, "profile", "p", "", "profile that sizes the recipe (default: the recipe's own)")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "change a value of the recipe, such as zero.params.steps=80 (repeatable)")
	cmd.Flags().StringVar(&recipe, "recipe", "", "the recipe whose stage it is: a file, or one in the binary")
	cmd.Flags().BoolVar(&remove, "remove", false, "take back what was adopted for this output")
	_ = cmd.MarkFlagRequired("recipe")
	_ = cmd.RegisterFlagCompletionFunc("recipe", completeRecipes)
	_ = cmd.RegisterFlagCompletionFunc("profile", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return recipes.Profiles(recipe), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func outputNames(plan *r1.Plan) []string {
	var out []string
	for _, s := range plan.Stages {
		for _, name := range sorted(s.Outputs) {
			out = append(out, s.Name+"."+name)
		}
	}
	return out
}

// findOutput finds STAGE.OUTPUT in a plan.
func findOutput(plan *r1.Plan, name string) (r1.OutputRef, error) {
	stage, output, _ := strings.Cut(name, ".")
	if s := plan.Stage(stage); s != nil {
		if ref, ok := s.Outputs[output]; ok {
			return ref, nil
		}
	}
	e := &r1.Error{Name: "unknown-output", Detail: fmt.Sprintf("%s has no output %q", plan.Recipe, name), Remedy: "write STAGE.OUTPUT, such as zero.model"}
	if near := suggest.Nearest(name, outputNames(plan)); near != "" {
		e.Detail += fmt.Sprintf("; did you mean %q?", near)
	}
	return r1.OutputRef{}, e
}

func (a *app) adopt(ctx context.Context, s *session, plan *r1.Plan, output r1.OutputRef, name, address string) error {
	from, done, err := a.adoptee(ctx, s, adopt.Request{Plan: plan, Output: output}, address)
	if err != nil {
		return err
	}
	got, err := adopt.Adopt(ctx, s.store, adopt.Request{
		Plan: plan, Output: output, From: from, By: userName(), R1ctl: versionString(), Progress: a.byteProgress("stored"),
	})
	if err != nil {
		if !strings.HasPrefix(address, hub.Scheme) { // a download is gone on with
			done()
		}
		return err
	}
	done()
	if a.json() {
		return a.printJSON(got)
	}
	how := "referred to where it is, and must stay there"
	if got.Copied {
		how = "stored"
	}
	rows := ""
	if got.Rows > 0 {
		rows = fmt.Sprintf(", %d rows", got.Rows)
	}
	if got.Already {
		fmt.Fprintf(a.out, "the same was adopted as %s before\n", name)
	}
	fmt.Fprintf(a.out, "%s is %s: %d files, %d bytes%s, sha256 %s; %s\n", name, got.Artifact.URI, got.Artifact.Files, got.Artifact.Bytes, rows, got.Artifact.SHA256, how)
	for _, d := range got.Doubts {
		fmt.Fprintf(a.out, "  note: %s\n", d)
	}
	profile := ""
	if plan.Profile != "" {
		profile = " --profile " + plan.Profile
	}
	fmt.Fprintf(a.out, "  see: %s%s\n", s.hint("plan", plan.Recipe), profile)
	return nil
}

func (a *app) unadopt(ctx context.Context, s *session, plan *r1.Plan, name string, output r1.OutputRef) error {
	n, err := adopt.Remove(ctx, s.store, plan, output)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(map[string]int{"removed": n})
	}
	if n == 0 {
		fmt.Fprintf(a.out, "nothing was adopted as %s\n", name)
	} else {
		fmt.Fprintf(a.out, "what was adopted as %s is taken back\n", name)
	}
	return nil
}

// byteProgress tells of a transfer on a line of its own, now and then.
func (a *app) byteProgress(what string) func(done, total int64) {
	const every = 256 << 20
	told := int64(0)
	return func(done, total int64) {
		if total >= every && done-told >= every {
			told = done
			fmt.Fprintf(a.err, "%s %d of %d MiB\n", what, done>>20, total>>20)
		}
	}
}

// adoptee is what is adopted. done removes what was fetched for it.
func (a *app) adoptee(ctx context.Context, s *session, r adopt.Request, address string) (*adopt.Folder, func(), error) {
	if !strings.HasPrefix(address, hub.Scheme) {
		return s.folder(ctx, address)
	}
	c, err := r.Contract()
	if err != nil {
		return nil, nil, err
	}
	settings := hub.FromEnv(os.Getenv)
	settings.Foreground = true
	settings.Notice = func(text string) { fmt.Fprintln(a.err, text) }
	return adopt.Hub{Settings: settings, Dir: filepath.Join(s.cfg.CacheDir, "hub"), Progress: a.byteProgress("fetched")}.Fetch(ctx, c, address)
}

// folder finds what an address of adopt stands for. done removes what was fetched for it.
func (s *session) folder(ctx context.Context, address string) (f *adopt.Folder, done func(), err error) {
	done = func() {}
	scheme, rest, remote := strings.Cut(address, "://")
	switch {
	case !remote:
		f, err = adopt.Local(address)
		return f, done, err
	case scheme != "s3":
		return nil, done, &r1.Error{Name: "unsupported-source", Detail: fmt.Sprintf("%s cannot be adopted: of addresses only s3:// and hf:// are known", address),
			Remedy: "fetch it, and give the folder"}
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(rest, "/"), "/")
	if prefix == "" {
		return nil, done, &r1.Error{Name: "unsupported-source", Detail: address + " names a whole bucket", Remedy: "give s3://bucket/folder"}
	}
	if bucket == s.store.Bucket() {
		f, err = adopt.InBucket(ctx, s.store, address, prefix)
		return f, done, err
	}
	cfg := s.storeCfg
	cfg.Bucket = bucket
	other, err := artifact.New(ctx, cfg)
	if err != nil {
		return nil, done, err
	}
	dir, err := os.MkdirTemp(s.cfg.StateDir, "adopt-")
	if errors.Is(err, os.ErrNotExist) {
		dir, err = os.MkdirTemp("", "r1ctl-adopt-")
	}
	if err != nil {
		return nil, done, fmt.Errorf("make a folder to fetch into: %w", err)
	}
	done = func() { _ = os.RemoveAll(dir) }
	if err := fetchAll(ctx, other, prefix, dir); err != nil {
		return nil, done, fmt.Errorf("fetch %s: %w", address, err)
	}
	f, err = adopt.Local(dir)
	if f != nil {
		f.Address = address
	}
	return f, done, err
}

// fetchAll copies what lies below a folder of another bucket.
func fetchAll(ctx context.Context, store *artifact.Store, prefix, dir string) error {
	objects, err := store.FilesUnder(ctx, prefix)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return &r1.Error{Name: "source-missing", Detail: "there is nothing below " + store.URI(prefix), Remedy: "check the address: it names a folder"}
	}
	root, err := os.OpenRoot(dir) // keys of others may name any path
	if err != nil {
		return err
	}
	defer root.Close()
	for _, o := range objects {
		name := filepath.FromSlash(strings.TrimPrefix(o.Key, prefix+"/"))
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		in, err := store.Get(ctx, o.Key, 0, -1)
		if err != nil {
			return err
		}
		out, err := root.Create(name)
		if err == nil {
			_, err = io.Copy(out, in)
			if cerr := out.Close(); err == nil {
				err = cerr
			}
		}
		in.Close()
		if err != nil {
			return fmt.Errorf("fetch %s: %w", o.Key, err)
		}
	}
	return nil
}
