package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// CardOptions are what a person decides about a card.
type CardOptions struct {
	Title   string // default "<recipe>: <stage>"
	License string // an SPDX name; empty leaves it out
	Notes   string // Markdown below the title
}

// Card writes the README.md of a Hugging Face folder, with its front matter. All it
// says is from commits and manifests.
func (r *Record) Card(o CardOptions) ([]byte, error) {
	front := map[string]any{"tags": []string{"r1ctl", string(r.Kind)}}
	if o.License != "" {
		front["license"] = o.License
	}
	if r.Artifact.Type == r1.TypeModel {
		front["library_name"], front["pipeline_tag"] = "transformers", "text-generation"
		if r.Kind == r1.KindRewardModel {
			front["pipeline_tag"] = "text-classification"
		}
	}
	if files := r.rowFiles(); len(files) > 0 { // besides them there are accounts, which are no rows
		front["configs"] = []any{map[string]any{"config_name": "default", "data_files": []any{map[string]any{"split": "train", "path": files}}}}
	}
	head, err := yaml.Marshal(front)
	if err != nil {
		return nil, fmt.Errorf("write the card's front matter: %w", err)
	}
	title := o.Title
	if title == "" {
		title = r.Recipe + ": " + r.Stage
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "---\n%s---\n\n# %s\n\n", head, title)
	if o.Notes != "" {
		fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(o.Notes))
	}
	fmt.Fprintf(&b, "Made by stage `%s` (%s) of run `%s`: recipe `%s`", r.Stage, r.Kind, r.Run, r.Recipe)
	if r.Profile != "" {
		fmt.Fprintf(&b, ", profile `%s`", r.Profile)
	}
	fmt.Fprintf(&b, ".\n\n## Evaluation\n\n%s\n## How it was made\n\n%s\n## Data\n\n%s\n", r.evaluations(), r.way(), r.funnels())
	params, err := indented(r.Params)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "## Provenance\n\n%s\nParameters of the stage:\n\n```json\n%s\n```\n", r.facts(), params)
	return b.Bytes(), nil
}

// rowFiles are those files of a data set that hold its rows.
func (r *Record) rowFiles() []string {
	if r.Artifact.Type != r1.TypeDataset {
		return nil
	}
	var out []string
	for _, f := range r.Files {
		name, ending, _ := strings.Cut(path.Base(f.Path), ".")
		rows := name == "data" || name == "samples" || strings.HasPrefix(name, "data-") || strings.HasPrefix(name, "samples-")
		if rows && slices.Contains([]string{"jsonl", "jsonl.gz", "jsonl.zst", "parquet"}, ending) {
			out = append(out, f.Path)
		}
	}
	return out
}

func indented(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "{}", nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return "", fmt.Errorf("write parameters: %w", err)
	}
	return b.String(), nil
}

func (r *Record) evaluations() string {
	if len(r.Measured) == 0 {
		return "The run holds no evaluation of it.\n"
	}
	var b strings.Builder
	fmt.Fprintln(&b, "| stage | measure | value |\n| --- | --- | ---: |")
	for _, m := range r.Measured {
		for _, name := range slices.Sorted(maps.Keys(m.Metrics)) {
			fmt.Fprintf(&b, "| %s | %s | %.4g |\n", m.Stage, cell(name), m.Metrics[name])
		}
	}
	return b.String()
}

// way lists the jobs in the order they were run.
func (r *Record) way() string {
	var b strings.Builder
	fmt.Fprintln(&b, "| stage | kind | what | inputs | steps | time |\n| --- | --- | --- | --- | ---: | ---: |")
	for _, s := range slices.Concat(r.Behind, []Step{r.Step}) {
		var in []string
		for _, i := range s.Inputs {
			in = append(in, fmt.Sprintf("%s: `%s` (`%.12s`)", i.Name, i.From, i.SHA256))
		}
		name := s.Stage
		if s.Job != r1.MainJob {
			name += "/" + s.Job
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %s |\n", name, s.Kind, cell(s.Title), strings.Join(in, ", "), s.Steps, s.Ended.Sub(s.Started).Round(time.Second))
	}
	return b.String()
}

// funnels tells of every stage that had rows, what became of them.
func (r *Record) funnels() string {
	var b strings.Builder
	for _, s := range slices.Concat(r.Behind, []Step{r.Step}) {
		if s.Funnel == nil {
			continue
		}
		fmt.Fprintf(&b, "- %s: %d rows in, %d kept", s.Stage, s.Funnel.In, s.Funnel.Kept)
		for _, d := range s.Funnel.Dropped {
			if d.Rows > 0 {
				fmt.Fprintf(&b, "; %d dropped by %s", d.Rows, strings.TrimSpace(d.Name+" "+d.Reason))
			}
		}
		fmt.Fprintln(&b)
	}
	if b.Len() == 0 {
		return "No stage behind it counted rows.\n"
	}
	return b.String()
}

func (r *Record) facts() string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, cell(value))
		}
	}
	fmt.Fprintln(&b, "| | |\n| --- | --- |")
	row("artifact", fmt.Sprintf("%s, sha256 of its content `%s`", r.Artifact.URI, r.Artifact.SHA256))
	row("recipe", fmt.Sprintf("sha256 `%s`", r.RecipeSHA256))
	row("fingerprint", "`"+r.Fingerprint+"`")
	row("job", fmt.Sprintf("`%s/%s/%s`, attempt %d, seed %d", r.Run, r.Stage, r.Job, r.Attempt, r.Seed))
	row("time", fmt.Sprintf("%s to %s", r.Started.UTC().Format(time.RFC3339), r.Ended.UTC().Format(time.RFC3339)))
	e := r.Maker
	if e == nil {
		row("environment", "not recorded: made by an earlier version of r1ctl")
		return b.String()
	}
	row("r1ctl", e.R1ctl)
	if e.Lock != "" {
		row("trainer", fmt.Sprintf("source `%s`, requirements.lock sha256 `%s`", e.Trainer, e.Lock))
	}
	row("trainer of the site", strings.Join(e.Command, " "))
	for _, name := range slices.Sorted(maps.Keys(e.Versions)) {
		row(name, e.Versions[name])
	}
	for _, back := range r.Rollbacks {
		row("rolled back", fmt.Sprintf("to step %d", back.ToStep))
	}
	return b.String()
}

// cell makes a text fit for a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
