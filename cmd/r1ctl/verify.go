package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
	"github.com/r1ctl/r1ctl/internal/verify/reward/lines"
)

// verifyDomains are what --domain takes.
var verifyDomains = []string{"math", "code", "choice", "logic"}

// verifyFlags are those of the verify command.
type verifyFlags struct {
	domain, gold, answer string
	audit                float64
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify --domain math|code|choice|logic IN.jsonl|-",
		Short: "Judge the answers of a file",
		Long: `This command reads rows, one JSON object a line, from a file or standard input
(-), and writes for each, in order, a line with its verdict:

  {"id": …, "verdict": "correct", "reason": "", "tier": 0, "ms": 0.02}

The verdict is correct, wrong or unverified; an unverified row has its reason, and
is neither right nor wrong. A row has

  completion   a string or chat messages (also called response)
  gold         what a right answer is (also called solution); --gold-field names
               another field
  verifier     its own verifier, where it is not that of the domain
  id, prompt, and what its verifier reads (docs/verifiers.md)

With --answer-field the named field is the answer itself, with no response around
it, and no completion is needed. Rows of domain logic are judged by what they hold:
a puzzle of reasoning-gym, the numbers game, options, a number or text.

What formulas and numbers settle (tiers 0 and 1) needs no Python. The second opinion
(tier 2, math-verify) and puzzles use the trainer's environment (r1ctl setup).

Exit status: 0, also where rows are unverified; 1 where lines were no rows.`,
		Example: `  r1ctl verify --domain math samples.jsonl
  r1ctl verify --domain math --gold-field answer --answer-field prediction - < pairs.jsonl
  r1ctl verify --domain code solutions.jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !slices.Contains(verifyDomains, f.domain):
				return usageError{fmt.Errorf("--domain is %q, expected one of %s", f.domain, strings.Join(verifyDomains, ", "))}
			case f.audit < 0 || f.audit > 1:
				return usageError{fmt.Errorf("--audit is %g, expected a share from 0 to 1", f.audit)}
			}
			in, err := openRows(cmd, args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			return a.verify(cmd, f, in)
		},
	}
	cmd.Flags().StringVar(&f.domain, "domain", "", "math, code, choice or logic")
	cmd.Flags().StringVar(&f.gold, "gold-field", "", "field with the gold answer (default gold, or solution)")
	cmd.Flags().StringVar(&f.answer, "answer-field", "", "field with the answer itself, instead of a completion")
	cmd.Flags().Float64Var(&f.audit, "audit", 0, "share of the verdicts of tiers 0 and 1 that the second opinion judges too")
	_ = cmd.RegisterFlagCompletionFunc("domain", cobra.FixedCompletions(verifyDomains, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// openRows opens a file of rows, or standard input.
func openRows(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	in, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	return in, nil
}

// parse makes an item of a line.
func (f verifyFlags) parse(line []byte) (reward.Item, error) {
	var row map[string]json.RawMessage
	if json.Unmarshal(line, &row) != nil || row == nil {
		return reward.Item{}, errors.New("expected a JSON object")
	}
	bad := func(format string, args ...any) (reward.Item, error) {
		return reward.Item{ID: row["id"]}, fmt.Errorf(format, args...)
	}
	if f.gold != "" {
		delete(row, "solution")
		row["gold"] = row[f.gold]
		if row["gold"] == nil {
			delete(row, "gold")
		}
	}
	if f.answer != "" {
		text, err := answerText(row[f.answer])
		if err != nil {
			return bad("%s: %w", f.answer, err)
		}
		if f.domain == "code" {
			text = fencedProgram(text, row["language"])
		} else {
			text = verify.Bare(text)
		}
		raw, err := json.Marshal(text)
		if err != nil {
			return bad("%s: %w", f.answer, err)
		}
		row["completion"] = raw
	}
	whole, err := json.Marshal(row)
	if err != nil {
		return bad("read a row: %w", err)
	}
	it, err := reward.ParseRow(whole)
	it.Domain = f.domain
	return it, err
}

// answerText is a string, or a number as it is written.
func answerText(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", errors.New("is missing")
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var n json.Number
	if json.Unmarshal(raw, &n) != nil {
		return "", errors.New("expected a string or a number")
	}
	return n.String(), nil
}

// fencedProgram makes of a program a response, unless it is one.
func fencedProgram(text string, language json.RawMessage) string {
	if strings.Contains(text, "```") {
		return text
	}
	lang := "python"
	if json.Unmarshal(language, &lang) != nil || lang == "" {
		lang = "python"
	}
	return "```" + lang + "\n" + text + "\n```"
}

// verdictLine is the answer to a row.
type verdictLine struct {
	ID      json.RawMessage `json:"id"`
	Verdict r1.Label        `json:"verdict"`
	Reason  string          `json:"reason"`
	Tier    int             `json:"tier"`
	Ms      float64         `json:"ms"`
	Audit   *verify.Audit   `json:"audit,omitempty"`
}

func (a *app) verify(cmd *cobra.Command, f verifyFlags, in io.Reader) error {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	py, err := a.builtPython(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	j, err := newJudging(py, cfg.Site.CodeProvider, verify.Options{Bare: f.answer != ""}, a.err)
	if err != nil {
		return err
	}
	defer j.close()
	stream := lines.Stream{
		In: in, Batch: 1024, Parse: f.parse,
		Bad: func(line int, err error) { fmt.Fprintf(a.err, "line %d: %v\n", line, err) },
	}
	out := json.NewEncoder(a.out)
	out.SetEscapeHTML(false)
	rows, malformed, reasons := 0, 0, map[string]int{}
	ctx := cmd.Context()
	err = stream.Each(ctx, func(batch []lines.Line) error {
		answers := judgeLines(ctx, j.Judge, batch, f.audit)
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, answer := range answers {
			rows++
			if batch[i].Bad {
				malformed++
			} else if answer.Verdict == r1.Unverified {
				reasons[answer.Reason]++
			}
			if err := out.Encode(answer); err != nil {
				return fmt.Errorf("write verdicts: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.tellUnverified(reasons, rows, j.programs.why())
	if malformed > 0 {
		return &r1.Error{
			Name: "bad-rows", Detail: fmt.Sprintf("%d of %d lines are no rows; the others have been judged", malformed, rows),
			Remedy: "correct the lines named above; r1ctl verify --help says what a row has",
		}
	}
	return nil
}

// judgeLines answers a batch.
func judgeLines(ctx context.Context, j *verify.Judge, batch []lines.Line, audit float64) []verdictLine {
	out := make([]verdictLine, len(batch))
	var items []reward.Item
	for i, line := range batch {
		out[i] = verdictLine{ID: line.ID, Verdict: r1.Unverified, Reason: verify.ReasonMalformed}
		if !line.Bad {
			items = append(items, line.Item)
		}
	}
	next := 0
	for _, judged := range j.Verdicts(ctx, items, reward.Convention{}, audit) {
		for batch[next].Bad {
			next++
		}
		v := judged.Verdict
		out[next] = verdictLine{batch[next].ID, v.Label, v.Reason, v.Tier, float64(judged.Took.Microseconds()) / 1000, judged.Audit}
		next++
	}
	return out
}

// tellUnverified says what could be done about rows without a verdict.
func (a *app) tellUnverified(reasons map[string]int, rows int, sandbox error) {
	n := 0
	for _, k := range reasons {
		n += k
	}
	if n == 0 {
		return
	}
	fmt.Fprintf(a.err, "note: %d of %d rows are unverified; their lines say why\n", n, rows)
	if k := reasons[verify.ReasonNoOpinion]; k > 0 {
		fmt.Fprintf(a.err, "note: %d of them need the second opinion, which the trainer's environment has: r1ctl setup\n", k)
	}
	if sandbox != nil && reasons[verify.ReasonNoSandbox] > 0 {
		report(a.err, sandbox)
	}
}
