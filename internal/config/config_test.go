package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestFlagsBeatEnvironmentBeatsFile(t *testing.T) {
	file := write(t, "site:\n  slots: 3\n  threads: 5\nserver:\n  idle_timeout: 3m\n")
	t.Setenv("R1CTL_SITE_THREADS", "7")
	cfg, err := Load(file, map[string]any{"state_dir": "/tmp/flag"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.StateDir != "/tmp/flag" || cfg.Site.Threads != 7 || cfg.Site.Slots != 3 {
		t.Errorf("state_dir %q, threads %d, slots %d; want /tmp/flag from the flag, 7 from the environment, 3 from the file",
			cfg.StateDir, cfg.Site.Threads, cfg.Site.Slots)
	}
	if cfg.Server.IdleTimeout.Minutes() != 3 || !cfg.Embedded() {
		t.Errorf("idle timeout %s, embedded %v; want 3m and embedded", cfg.Server.IdleTimeout, cfg.Embedded())
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown key":      {"site:\n  slotz: 3\n", `did you mean "site.slots"?`},
		"wrong type":       {"site:\n  slots: many\n", "wrong type"},
		"not yaml":         {"site: [\n", "read config file"},
		"only one address": {"temporal:\n  address: example:7233\n", "go together"},
		"a negative price": {"prices:\n  cpu_hour: -1\n", "prices.cpu_hour"},
		"no slots":         {"site:\n  slots: 0\n", "expected at least 1"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := Load(write(t, c.yaml), nil)
			if err == nil {
				err = cfg.CheckEngine()
			}
			user, ok := r1.AsError(err)
			if !ok || user.Name != "config-invalid" || user.Remedy == "" {
				t.Fatalf("got %v, want a config-invalid error with a remedy", err)
			}
			if !strings.Contains(user.Error(), c.want) {
				t.Errorf("error %q lacks %q", user.Error(), c.want)
			}
		})
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r1ctl.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTrainerCommandIsAProgramThatIsThere(t *testing.T) {
	file := write(t, "trainer:\n  command: [sh, -c, \"exit 1\"]\n")
	cfg, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Trainer.Command; len(got) != 3 || !filepath.IsAbs(got[0]) || got[2] != "exit 1" {
		t.Errorf("command is %q, want the whole path of sh and its arguments", got)
	}
	t.Setenv("R1CTL_TRAINER_COMMAND", "sh,-c,true")
	if cfg, err = Load(file, nil); err != nil || len(cfg.Trainer.Command) != 3 || cfg.Trainer.Command[2] != "true" {
		t.Errorf("from the environment: %q, %v", cfg.Trainer.Command, err)
	}
	t.Setenv("R1CTL_TRAINER_COMMAND", "no-such-trainer,x")
	if _, err = Load(file, nil); err == nil || !strings.Contains(err.Error(), "no-such-trainer") {
		t.Errorf("got %v, want an error that names the program", err)
	}
}
