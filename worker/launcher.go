package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/launch/local"
	"github.com/r1ctl/r1ctl/internal/launch/slurm"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// launcherOf makes the launcher of the site that the config chooses, and names the
// task queue of its attempts: those that only this machine can see have one of its own.
func launcherOf(l Local, credentials string) (launcher r1.Launcher, queue string, err error) {
	site := l.Config.ChosenSite()
	if site.Launcher == config.LauncherSlurm {
		launcher, err = slurmLauncher(l, site, credentials)
		return launcher, "r1ctl-attempts-site-" + site.Name, err
	}
	env, err := agentEnv(l.Config)
	if err != nil {
		return nil, "", err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, "", fmt.Errorf("find this machine's name: %w", err)
	}
	launcher, err = local.New(local.Config{
		Root:            filepath.Join(l.Config.StateDir, "attempts"),
		Command:         []string{l.Self, "agent"},
		Env:             env,
		CredentialsFile: credentials,
	})
	return launcher, "r1ctl-attempts-" + host, err
}

func slurmLauncher(l Local, site config.NamedSite, credentials string) (r1.Launcher, error) {
	c := l.Config
	c.StateDir = site.Scratch // what an agent keeps, it keeps where it may write
	if site.CacheDir != "" {
		c.CacheDir = site.CacheDir
	}
	env, err := agentEnv(c)
	if err != nil {
		return nil, err
	}
	self := l.Self
	if site.Binary != "" {
		self = site.Binary
	}
	shared, err := shareCredentials(site.Scratch, credentials)
	if err != nil {
		return nil, err
	}
	cfg := SlurmConfig(site)
	cfg.Command, cfg.Env, cfg.CredentialsFile = []string{self, "agent"}, env, shared
	return slurm.New(cfg)
}

// SlurmConfig is what a site says of its cluster, without what is to be run there.
func SlurmConfig(site config.NamedSite) slurm.Config {
	run := slurm.Here(site.Conf)
	if site.SSH != "" {
		run = slurm.SSH(site.SSH, site.Conf)
	}
	return slurm.Config{
		Root: filepath.Join(site.Scratch, "attempts"),
		Exec: run,
		Poll: site.Poll,
		Queue: slurm.Queue{
			Partition: site.Partition, Account: site.Account, QOS: site.QOS, Constraint: site.Constraint, GRES: site.GRES, Args: site.Args,
		},
	}
}

// Resources is what the jobs of a site ask for.
func Resources(site config.NamedSite) r1.Resources {
	return r1.Resources{CPUs: site.CPUs, GPUs: site.GPUs, Memory: site.Memory}
}

// shareCredentials copies the agents' S3 credentials to where nodes see them, for this user alone.
func shareCredentials(scratch, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the agents' credentials: %w", err)
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return "", &r1.Error{Name: "slurm-scratch", Detail: "cannot make the site's scratch folder", Remedy: "set scratch of the site to a folder that this machine and the nodes share and you may write to", Err: err}
	}
	shared := filepath.Join(scratch, "agent-s3-credentials")
	if before, err := os.ReadFile(shared); err == nil && string(before) == string(text) {
		return shared, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("share the agents' credentials: %w", err)
	}
	return shared, writePrivate(shared, text)
}
