package config

import (
	"slices"
	"strings"
)

// Retention says how long things stay in the bucket; docs/artifacts.md has the
// rules. r1ctl artifacts gc goes by it, and nothing else does: it is read when
// that is called, and is no part of a run.
type Retention struct {
	RetentionRules `mapstructure:",squash"`
	Stages         map[string]RetentionRules `mapstructure:"stages"`
}

// RetentionRules are the rules of the site, or those of a stage laid over them.
type RetentionRules struct {
	Checkpoints string `mapstructure:"checkpoints"`
	Models      string `mapstructure:"models"`
	Datasets    string `mapstructure:"datasets"`
	Samples     string `mapstructure:"samples"`
	Reports     string `mapstructure:"reports"`
	State       string `mapstructure:"state"`
}

const stageRules = "retention.stages."

// stageRule tells whether a key is a rule of a stage: of these there are as many
// as there are stages.
func stageRule(key string) bool {
	rest, ok := strings.CutPrefix(key, stageRules)
	if !ok {
		return false
	}
	_, rule, ok := strings.Cut(rest, ".")
	return ok && slices.Contains([]string{"checkpoints", "models", "datasets", "samples", "reports", "state"}, rule)
}
