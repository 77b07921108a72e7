package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/activities"
	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/generate"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/wholefile"
	"github.com/r1ctl/r1ctl/trainer"
)

// Local is what a worker needs to run jobs, on its own machine or at the site that is configured.
type Local struct {
	Config config.Config
	Store  *artifact.Store
	// StoreConfig is what Store was made with, to read data from other buckets.
	StoreConfig artifact.Config
	Self        string // path of this binary, which is also the agent
	Version     string // of this binary
	// CredentialsFile is the S3 credentials file that agents read; empty leaves
	// them to the configured keys, or to the AWS default chain.
	CredentialsFile string
	Log             *slog.Logger
}

// Assemble wires the activities to the launcher of the configured site.
func Assemble(l Local) (*activities.Activities, error) {
	c := l.Config
	credentials := l.CredentialsFile
	if credentials == "" && c.S3.AccessKey != "" {
		var err error
		if credentials, err = writeCredentials(c); err != nil {
			return nil, err
		}
	}
	if c.Site.CodeProvider != "" {
		if err := program.CheckProvider(c.Site.CodeProvider); err != nil {
			return nil, err
		}
	}
	launcher, queue, err := launcherOf(l, credentials)
	if err != nil {
		return nil, fmt.Errorf("make the launcher: %w", err)
	}
	work, err := workDir(c.StateDir)
	if err != nil {
		return nil, err
	}
	return &activities.Activities{
		Store:    l.Store,
		Launcher: launcher,
		Curate: curator(l.StoreConfig, trainerenv.Options{
			Source: trainer.Source, CacheDir: c.CacheDir, WheelDir: c.Trainer.WheelDir, Python: c.Trainer.Python,
		}, Embedders(c, l.Log)),
		SumUp:     generate.Summarize,
		Publisher: publisher(l.Store, l.StoreConfig),
		Site: activities.Site{
			Resources:       Resources(c.ChosenSite()),
			Walltime:        c.ChosenSite().Walltime,
			VerifierURL:     c.Site.VerifierURL,
			Threads:         c.Site.Threads,
			KeepCheckpoints: c.Site.KeepCheckpoints,
			StopGrace:       c.Site.StopGrace,
			Poll:            250 * time.Millisecond,
			EndpointKeys:    endpointKeys(c),
		},
		Bucket:   c.S3.Bucket,
		R1ctl:    l.Version,
		Queue:    queue,
		WorkDir:  work,
		CacheDir: filepath.Join(c.StateDir, "cache"),
		Log:      l.Log,
	}, nil
}

// agentEnv tells an agent on this machine where things are. It holds no secret.
func agentEnv(c config.Config) ([]string, error) {
	endpoints, err := json.Marshal(c.Endpoints)
	if err != nil {
		return nil, fmt.Errorf("encode the endpoints: %w", err)
	}
	env := []string{
		"R1CTL_STATE_DIR=" + c.StateDir,
		"R1CTL_CACHE_DIR=" + c.CacheDir,
		"R1CTL_S3_ENDPOINT=" + c.S3.Endpoint,
		"R1CTL_S3_REGION=" + c.S3.Region,
		"R1CTL_S3_BUCKET=" + c.S3.Bucket,
		"R1CTL_S3_PATH_STYLE=" + strconv.FormatBool(c.S3.PathStyle),
		"R1CTL_S3_EMBEDDED=" + strconv.FormatBool(c.S3.Embedded),
		"R1CTL_SITE_CODE_PROVIDER=" + c.Site.CodeProvider,
		"R1CTL_SITE_STOP_GRACE=" + c.Site.StopGrace.String(),
		"R1CTL_SITE_STALL=" + c.Site.Stall.String(),
		"R1CTL_TRAINER_PYTHON=" + c.Trainer.Python,
		"R1CTL_TRAINER_WHEEL_DIR=" + c.Trainer.WheelDir,
		"R1CTL_TRAINER_COMMAND=" + strings.Join(c.Trainer.Command, ","),
		"R1CTL_TRAINER_PYTHON_PATH=" + strings.Join(c.Trainer.PythonPath, ","),
	}
	if len(c.Endpoints) > 0 {
		env = append(env, config.EndpointsEnv+"="+string(endpoints))
	}
	return env, nil
}

// endpointKeys names the variables that hold the keys of endpoints.
func endpointKeys(c config.Config) map[string]string {
	out := map[string]string{}
	for name, e := range c.Endpoints {
		out[name] = e.KeyEnv
	}
	return out
}

// writeCredentials keeps configured S3 keys where only this user's agents read
// them: never in an environment or on a command line.
func writeCredentials(c config.Config) (string, error) {
	if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
		return "", fmt.Errorf("make the state folder: %w", err)
	}
	file := filepath.Join(c.StateDir, "agent-s3-credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", c.S3.AccessKey, c.S3.SecretKey)
	return file, writePrivate(file, []byte(text))
}

// writePrivate replaces a file of credentials in one step.
func writePrivate(file string, text []byte) error {
	if err := wholefile.Replace(file, text, 0o600); err != nil {
		return fmt.Errorf("keep the agents' credentials: %w", err)
	}
	return nil
}

// workDir is this process's scratch folder. Those of workers that died are
// removed: what they held is either committed or computed anew.
func workDir(state string) (string, error) {
	root := filepath.Join(state, "work")
	old, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for old work folders: %w", err)
	}
	for _, d := range old {
		pid := strings.TrimPrefix(d.Name(), "worker-")
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, fs.ErrNotExist) {
			_ = os.RemoveAll(filepath.Join(root, d.Name()))
		}
	}
	return filepath.Join(root, fmt.Sprintf("worker-%d", os.Getpid())), nil
}
