package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func loadSites(t *testing.T, text string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r1ctl.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file, nil)
}

func TestASiteOfSlurm(t *testing.T) {
	c, err := loadSites(t, `
site: {name: cluster, stop_grace: 90s}
sites:
  cluster:
    launcher: slurm
    scratch: /shared/me/r1ctl/
    partition: train
    gpus: 8
    gres: gpu:h100
    walltime: 24h
    args: [--exclusive, --reservation=r1]
  here: {launcher: local, slots: 3}
`)
	if err != nil {
		t.Fatal(err)
	}
	s := c.ChosenSite()
	if s.Launcher != LauncherSlurm || s.Scratch != "/shared/me/r1ctl" || s.GPUs != 8 || s.GRES != "gpu:h100" || s.Walltime != 24*time.Hour || s.Slots != 64 ||
		strings.Join(s.Args, " ") != "--exclusive --reservation=r1" || s.Poll != 5*time.Second {
		t.Errorf("site %+v", s)
	}
	if c.Sites["here"].Slots != 3 || len(c.Sites) != 2 {
		t.Errorf("sites %+v", c.Sites)
	}
	if here, err := loadSites(t, "site: {name: here, slots: 5}\nsites:\n  here: {launcher: local}\n"); err != nil || here.ChosenSite().Slots != 5 {
		t.Errorf("a local site without slots: %+v, %v", here.ChosenSite(), err)
	}
	if none, err := loadSites(t, "site: {slots: 5}\n"); err != nil || none.ChosenSite().Launcher != LauncherLocal || none.ChosenSite().Slots != 5 {
		t.Errorf("without sites: %+v, %v", none.ChosenSite(), err)
	}
}

func TestMistakesInSites(t *testing.T) {
	const head = "sites:\n  cluster:\n    launcher: slurm\n    scratch: /s\n" // the next line is 5
	for name, c := range map[string]struct{ text, want string }{
		"unknown setting":    {head + "    partiton: train\n", `:5: sites.cluster has no setting "partiton"; did you mean "partition"?`},
		"unknown launcher":   {"sites:\n  c: {launcher: slrum, scratch: /s}\n", `:2: sites.c.launcher is "slrum", expected one of local, slurm; did you mean "slurm"?`},
		"no launcher":        {"sites:\n  c: {scratch: /s}\n", `:2: sites.c has no launcher`},
		"no scratch":         {"sites:\n  c: {launcher: slurm}\n", `:2: sites.c has no scratch`},
		"relative path":      {"sites:\n  c:\n    launcher: slurm\n    scratch: here\n", `:4: sites.c.scratch is "here", expected an absolute path`},
		"no number":          {head + "    gpus: many\n", `:5: sites.cluster.gpus is "many", expected a whole number from 0`},
		"walltime too short": {head + "    walltime: 30s\n", `:5: sites.cluster.walltime is "30s", expected a time from 5m0s`},
		"set twice":          {head + "    gpus: 1\n    gpus: 2\n", `gpus`},
		"an option of ours":  {head + "    args: [--exclusive, --array=1-4]\n", `:5: sites.cluster.args is "--array=1-4", expected no --array`},
		"another cluster":    {head + "    args: [--cluster=b]\n", `:5: sites.cluster.args is "--cluster=b", expected no --cluster`},
		"no option":          {head + "    args: [exclusive]\n", `:5: sites.cluster.args`},
		"a word with spaces": {head + "    account: my account\n", `:5: sites.cluster.account is "my account", expected a word`},
		"gres without gpus":  {head + "    gres: gpu:h100\n", `:5: sites.cluster.gres`},
		"for slurm only":     {"sites:\n  c:\n    launcher: local\n    qos: high\n", `:4: sites.c.qos is for launcher slurm`},
		"bad name":           {"sites:\n  My_Site: {launcher: local}\n", `:2: sites.My_Site: a name has lower case`},
		"no map":             {"sites: cluster\n", `:1: sites: expected names`},
		"no settings":        {"sites:\n  c: slurm\n", `:2: sites.c: expected settings`},
		"no such site":       {"site: {name: clutser}\n" + head, `site.name is "clutser", and there is no such site; did you mean "cluster"?`},
	} {
		_, err := loadSites(t, c.text)
		named, ok := r1.AsError(err)
		if !ok || named.Name != "config-invalid" || named.Remedy == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want config-invalid with %q", name, err, c.want)
		}
	}
}
