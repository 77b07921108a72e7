package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/source"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/recipes"
	"github.com/r1ctl/r1ctl/trainer"
	"github.com/r1ctl/r1ctl/worker"
)

// curateFlags are those of the curate command.
type curateFlags struct {
	out     curateOutput
	format  string
	stdin   string
	seed    int64
	workers int
	memory  int
	force   bool
	shard   struct {
		rows  int
		bytes int64
	}
}

// curateOutput is the flag -o: text and json are forms of the summary, as with
// every command, and anything else is where the rows go.
type curateOutput struct{ form, path string }

func (o *curateOutput) String() string { return o.path }
func (o *curateOutput) Type() string   { return "OUT" }

func (o *curateOutput) Set(v string) error {
	switch {
	case v == "text" || v == "json":
		o.form = v
	case v == "":
		return errors.New("it is empty")
	case o.path != "":
		return fmt.Errorf("it is given twice, %s and %s", o.path, v)
	default:
		o.path = v
	}
	return nil
}

func (a *app) curateCommand() *cobra.Command {
	var f curateFlags
	cmd := &cobra.Command{
		Use:   "curate CONFIG.yaml IN… -o OUT",
		Short: "Filter, deduplicate, decontaminate and mix files of rows, without any engine",
		Long: `This command applies the steps of a config to rows, in order, as the curate
stages of a recipe do. No engine is started. docs/curate.md describes every
filter and how well it does.

IN is a file (JSON lines: plain, .gz or .zst; .parquet), a folder of such files
or a pattern; an address (hf://org/name@revision?split=train, s3://bucket/folder/,
tiny://, rg://); or - for standard input. HF_TOKEN, HF_ENDPOINT, HF_HOME and
HF_HUB_OFFLINE are those of the Hub's own client. OUT is a folder, or a file of rows; beside the rows lie

  dropped.jsonl     each dropped row: id, step, reason, file, line
  quarantine.jsonl  each line that is no row: file, line, reason, its text
  funnel.json       rows in, kept, and dropped by step and reason: they add up
  sources.json      of each IN: revision, licence, rows, bytes, sha256

If OUT is a file (such as clean.jsonl.zst), these lie in clean.curate/. OUT
appears when all of it is written. A failed curation leaves OUT.failed/ with
everything but the rows, so that one can see why.

-o text and -o json choose the form of the summary; for an OUT of that name give
./json.

Exit status: 0; 1 if more rows than max_bad are malformed, no row is left, or
something went wrong; 2 for a mistake in the config or the call; 4 if stopped.`,
		Example: `  r1ctl curate curate.yaml traces.jsonl.zst -o clean
  r1ctl curate curate.yaml data/*.parquet -o clean.parquet -o json
  zstdcat traces.jsonl.zst | r1ctl curate curate.yaml - -o clean.jsonl.zst --force
  r1ctl curate curate.yaml 'hf://open-r1/OpenR1-Math-220k@main?split=train' -o clean --format parquet --shard-rows 100000

  # curate.yaml
  columns: {prompt: problem, response: solution}
  datasets: {eval: benchmarks/math500.jsonl}
  steps:
    - {filter: format, style: think}
    - {filter: repetition, max: 0.3}
    - {filter: dedup, by: [prompt, response]}
    - {filter: decontaminate, against: eval, ngram: 10, normalize: full}`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out.form != "" {
				a.flags.output = f.out.form
			}
			return a.curate(cmd, f, args[0], args[1:])
		},
	}
	cmd.Flags().VarP(&f.out, "output", "o", "a folder, or a file of rows, that is made; text or json: form of the summary")
	cmd.Flags().StringVar(&f.format, "format", "", "of the rows in a folder: "+strings.Join(curate.Formats(), ", ")+" (default jsonl)")
	cmd.Flags().StringVar(&f.stdin, "stdin-format", "jsonl", "of standard input: "+strings.Join(curate.Formats(), ", "))
	cmd.Flags().Int64Var(&f.seed, "seed", 0, "of what is random (default: the config's, or 0)")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "cores used (default: all); the output is the same for any number")
	cmd.Flags().IntVar(&f.memory, "memory", 256, "MiB that are held of all rows at once, such as the keys of duplicates; the rest is on disk, beside OUT")
	cmd.Flags().IntVar(&f.shard.rows, "shard-rows", 0, "rows a file of a folder; with more there are several (default: no bound)")
	cmd.Flags().Int64Var(&f.shard.bytes, "shard-bytes", curate.DefaultShardBytes, "bytes of JSON a file of a folder")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace OUT if it exists")
	for _, name := range []string{"format", "stdin-format"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(curate.Formats(), cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

func (a *app) curate(cmd *cobra.Command, f curateFlags, config string, in []string) error {
	target, err := f.target()
	if err != nil {
		return err
	}
	job, err := a.curateJob(cmd, f, config, in)
	if cmd.Context().Err() != nil {
		return a.curateStopped()
	}
	if err != nil {
		return err
	}
	if f.memory < 1 {
		return usageError{fmt.Errorf("--memory is %d, and must be at least 1 (MiB)", f.memory)}
	}
	job.Workers, job.Memory = f.workers, int64(f.memory)<<20
	job.Layout = curate.Layout{
		Rows: "data." + target.format, Dropped: "dropped.jsonl", Quarantine: "quarantine.jsonl", ShardRows: f.shard.rows, ShardBytes: f.shard.bytes,
	}
	if target.beside != "" { // OUT is one file
		job.Layout.ShardBytes = 0
	}
	if err := target.free(f.force, in); err != nil {
		return err
	}
	return a.curateInto(cmd.Context(), target, job)
}

// curateJob reads the config and opens what it names.
func (a *app) curateJob(cmd *cobra.Command, f curateFlags, config string, in []string) (curate.Job, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return curate.Job{}, usageError{fmt.Errorf("read the config: %w", err)}
	}
	dir, err := filepath.Abs(filepath.Dir(config))
	if err != nil {
		return curate.Job{}, fmt.Errorf("read the config: %w", err)
	}
	c, err := recipes.ParseCuration(text, config, dir, curate.ColumnFields())
	if err != nil {
		return curate.Job{}, err
	}
	job := curate.Job{
		Params: fmt.Appendf(nil, `{"steps":%s}`, c.Steps), Seed: c.Seed, MaxMalformed: c.MaxBad, Strict: c.MaxBad == 0,
		Compared: map[string]curate.Source{},
	}
	if cmd.Flags().Changed("seed") {
		job.Seed = f.seed
	}
	if _, err := curate.ParseParams(job.Params); err != nil {
		return curate.Job{}, asConfigError(config, err)
	}
	if len(curate.Endpoints(job.Params)) > 0 {
		cfg, err := a.settings(cmd)
		if err != nil {
			return curate.Job{}, err
		}
		job.Embedders = worker.Embedders(cfg, slog.New(slog.NewTextHandler(a.err, nil)))
	}
	remote := slices.ContainsFunc(in, hasScheme)
	for _, d := range c.Datasets {
		remote = remote || slices.ContainsFunc(d.Paths, hasScheme)
	}
	var open map[string]curate.Opener
	if remote { // for files alone, no setting is looked at
		if open, err = a.curateOpeners(cmd); err != nil {
			return curate.Job{}, err
		}
	}
	for name, d := range c.Datasets {
		var all []curate.Source
		for _, path := range d.Paths {
			source, err := curate.Open(cmd.Context(), path, open)
			if err != nil {
				return curate.Job{}, fmt.Errorf("dataset %s: %w", name, err)
			}
			all = append(all, source)
		}
		job.Compared[name] = curate.Mapped(curate.Joined(all...), d.Columns)
	}
	for i, name := range in {
		source, err := f.source(cmd, name, open)
		if err != nil {
			return curate.Job{}, err
		}
		if name == "-" {
			name = "stdin"
			if slices.Index(in, "-") != i {
				return curate.Job{}, usageError{errors.New("standard input (-) is given twice")}
			}
		}
		job.Files = append(job.Files, curate.NamedSource{Name: name, Source: curate.Mapped(source, c.Columns)})
	}
	return job, nil
}

func hasScheme(address string) bool { return strings.Contains(address, "://") }

// curateOpeners reads addresses with the site's settings; without an S3 of its
// own, s3:// is what the environment says (AWS_ENDPOINT_URL, AWS_REGION, keys).
func (a *app) curateOpeners(cmd *cobra.Command) (map[string]curate.Opener, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return nil, err
	}
	s3 := storeConfig(cfg)
	if s3.Endpoint == "" {
		s3 = artifact.Config{
			Endpoint: cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")),
			Region:   cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		}
		s3.PathStyle = s3.Endpoint != ""
	}
	settings := hub.FromEnv(os.Getenv)
	settings.Notice = func(text string) { fmt.Fprintln(a.err, text) }
	return source.Openers(source.Config{S3: s3, Hub: settings, Trainer: trainerenv.Options{
		Source: trainer.Source, CacheDir: cfg.CacheDir, WheelDir: cfg.Trainer.WheelDir, Python: cfg.Trainer.Python,
	}}), nil
}

func (f curateFlags) source(cmd *cobra.Command, name string, open map[string]curate.Opener) (curate.Source, error) {
	if name != "-" {
		return curate.Open(cmd.Context(), name, open)
	}
	if curate.FormatOf("."+f.stdin) != f.stdin {
		return nil, usageError{fmt.Errorf("--stdin-format is %q, expected one of %s", f.stdin, strings.Join(curate.Formats(), ", "))}
	}
	return curate.Stream("stdin."+f.stdin, func(ctx context.Context) (io.ReadCloser, error) {
		return io.NopCloser(&interruptible{ctx: ctx, from: cmd.InOrStdin()}), nil
	}), nil
}

// interruptible is a reader that does not keep a stopped command waiting for
// somebody to type.
type interruptible struct {
	ctx  context.Context
	from io.Reader
	buf  []byte
}

func (r *interruptible) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	if len(r.buf) == 0 {
		r.buf = make([]byte, 1<<20)
	}
	buf := r.buf[:min(len(p), len(r.buf))]
	done := make(chan result, 1)
	go func() {
		n, err := r.from.Read(buf)
		done <- result{n, err}
	}()
	select {
	case got := <-done:
		return copy(p, buf[:got.n]), got.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err() // what is read later goes nowhere
	}
}

// asConfigError gives a mistake that only the steps themselves know the name of
// the others.
func asConfigError(config string, err error) error {
	e, ok := r1.AsError(err)
	if !ok {
		return err
	}
	return &r1.Error{Name: "config-invalid", Detail: config + ": " + e.Detail, Remedy: "correct the step; docs/curate.md says what it takes"}
}
