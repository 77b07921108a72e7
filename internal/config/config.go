// Package config reads r1ctl's settings: flags over R1CTL_* over a config
// file over defaults. Recipes are science and live elsewhere; this is where and
// how things run. It is decided here, once, what the settings are called.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"time"

	"github.com/spf13/viper"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Config is every setting. The names in the config file are the mapstructure tags.
type Config struct {
	StateDir string   `mapstructure:"state_dir"`
	CacheDir string   `mapstructure:"cache_dir"`
	Temporal Temporal `mapstructure:"temporal"`
	S3       S3       `mapstructure:"s3"`
	Site     Site     `mapstructure:"site"`
	Trainer  Trainer  `mapstructure:"trainer"`
	Server   Server   `mapstructure:"server"`
	Prices   Prices   `mapstructure:"prices"`
	// Endpoints are models that somebody else serves, by the name that recipes have for them.
	Endpoints map[string]Endpoint `mapstructure:"endpoints"`
	// Drift is what to do about results that were made otherwise than they would be
	// now: reuse, fork or rebuild; empty asks, and where nobody can answer reuses.
	Drift string `mapstructure:"drift"`
	// Retention is for r1ctl artifacts gc.
	Retention Retention `mapstructure:"retention"`
	// Sites are named places for jobs; Site.Name chooses one.
	Sites map[string]NamedSite `mapstructure:"-"`
	// File is the config file that was read; empty without one.
	File string `mapstructure:"-"`
}

// Temporal says where the Temporal service is; no address means the embedded one.
type Temporal struct {
	Address   string `mapstructure:"address"`
	Namespace string `mapstructure:"namespace"`
	TLS       bool   `mapstructure:"tls"`
	APIKey    string `mapstructure:"api_key"`
}

// S3 says where artifacts are kept; no endpoint means the embedded server.
type S3 struct {
	Endpoint  string `mapstructure:"endpoint"`
	Region    string `mapstructure:"region"`
	Bucket    string `mapstructure:"bucket"`
	AccessKey string `mapstructure:"access_key"`
	SecretKey string `mapstructure:"secret_key"`
	PathStyle bool   `mapstructure:"path_style"`
	Embedded  bool   `mapstructure:"embedded"` // the endpoint is r1ctl's own server; agents are told so
}

// Site says how jobs run in this place.
type Site struct {
	Name            string        `mapstructure:"name"` // which of Sites; empty: this machine
	Slots           int           `mapstructure:"slots"`
	Threads         int           `mapstructure:"threads"`
	VerifierURL     string        `mapstructure:"verifier_url"`
	CodeProvider    string        `mapstructure:"code_provider"` // service that runs programs; empty: a sandbox on the machine
	KeepCheckpoints int           `mapstructure:"keep_checkpoints"`
	StopGrace       time.Duration `mapstructure:"stop_grace"`
	Stall           time.Duration `mapstructure:"stall"` // silence of a trainer that counts as a stall; see docs/job-contract.md
	Retries         Retries       `mapstructure:"retries"`
	// What jobs run on, for estimates: r1ctl plan.
	Accelerator       string  `mapstructure:"accelerator"`        // such as H100; empty: a CPU
	Accelerators      int     `mapstructure:"accelerators"`       // how many a job may have; 0: as many as it needs
	AcceleratorMemory float64 `mapstructure:"accelerator_memory"` // GiB of one; 0: by its name
	AcceleratorTFLOPS float64 `mapstructure:"accelerator_tflops"` // dense bfloat16 peak of one; 0: by its name
}

// Prices are what this site costs, for estimates; 0 is not known.
type Prices struct {
	AcceleratorHour float64 `mapstructure:"accelerator_hour"`
	CPUHour         float64 `mapstructure:"cpu_hour"`
	StorageTBMonth  float64 `mapstructure:"storage_tb_month"`
	Currency        string  `mapstructure:"currency"`
}

// Retries bounds how often a job is tried again, by failure class.
type Retries struct {
	Program        int           `mapstructure:"program"`
	Infrastructure int           `mapstructure:"infrastructure"`
	Preempted      time.Duration `mapstructure:"preempted"`
}

// Trainer says how the trainer's environment is made.
type Trainer struct {
	Python   string `mapstructure:"python"`
	WheelDir string `mapstructure:"wheel_dir"`
	// Command is a program that keeps the job contract, to be run in place of
	// r1trainer; the path of job.json is appended. Empty: r1trainer.
	Command []string `mapstructure:"command"`
	// PythonPath lists folders with Python modules of rewards of your own.
	PythonPath []string `mapstructure:"python_path"`
}

// Server is about the embedded engine.
type Server struct {
	IdleTimeout time.Duration `mapstructure:"idle_timeout"`
}

// defaults lists every key, so that an unknown one in a file can be refused.
func defaults() (map[string]any, error) {
	state, err := userDir("XDG_STATE_HOME", ".local/state")
	if err != nil {
		return nil, err
	}
	cache, err := userDir("XDG_CACHE_HOME", ".cache")
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"state_dir":                   state,
		"cache_dir":                   cache,
		"temporal.address":            "",
		"temporal.namespace":          "default",
		"temporal.tls":                false,
		"temporal.api_key":            "",
		"s3.endpoint":                 "",
		"s3.region":                   "us-east-1",
		"s3.bucket":                   "r1ctl",
		"s3.access_key":               "",
		"s3.secret_key":               "",
		"s3.path_style":               true,
		"s3.embedded":                 false,
		"site.name":                   "",
		"site.slots":                  runtime.NumCPU(),
		"site.threads":                0,
		"site.verifier_url":           "",
		"site.code_provider":          "",
		"site.keep_checkpoints":       2,
		"site.stop_grace":             "30s",
		"site.stall":                  "2h",
		"site.accelerator":            "",
		"site.accelerators":           0,
		"site.accelerator_memory":     0.0,
		"site.accelerator_tflops":     0.0,
		"prices.accelerator_hour":     0.0,
		"prices.cpu_hour":             0.0,
		"prices.storage_tb_month":     0.0,
		"prices.currency":             "USD",
		"site.retries.program":        1,
		"site.retries.infrastructure": 5,
		"site.retries.preempted":      "168h",
		"trainer.python":              "",
		"trainer.wheel_dir":           "",
		"trainer.command":             []string{},
		"trainer.python_path":         []string{},
		"server.idle_timeout":         "10m",
		"drift":                       "",
		"retention.checkpoints":       "1",
		"retention.models":            "keep",
		"retention.datasets":          "keep",
		"retention.samples":           "keep",
		"retention.reports":           "keep",
		"retention.state":             "keep",
	}, nil
}

func userDir(env, fallback string) (string, error) {
	if dir := os.Getenv(env); dir != "" {
		return filepath.Join(dir, "r1ctl"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", &r1.Error{
			Name:   "no-home",
			Detail: "the home directory is not known",
			Remedy: "set HOME, or say where to keep state: --state-dir DIR",
			Err:    err,
		}
	}
	return filepath.Join(home, fallback, "r1ctl"), nil
}

// Load reads the settings. file is an explicit config file, or empty to look
// for r1ctl.yaml in the working directory and then in the user's config
// folder. overrides are flags that were set, by key.
func Load(file string, overrides map[string]any) (Config, error) {
	base, err := defaults()
	if err != nil {
		return Config{}, err
	}
	v := viper.New()
	for key, value := range base {
		v.SetDefault(key, value)
	}
	v.SetEnvPrefix("R1CTL")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	if file == "" {
		file, err = findFile()
		if err != nil {
			return Config{}, err
		}
	}
	if file != "" {
		v.SetConfigFile(file)
		v.SetConfigType("yaml")
		if err := v.ReadInConfig(); err != nil {
			return Config{}, fileError(file, err)
		}
		if err := refuseUnknown(file, v.AllKeys(), base); err != nil {
			return Config{}, err
		}
	}
	for key, value := range overrides {
		v.Set(key, value)
	}
	cfg := Config{File: file}
	if file != "" {
		if cfg.Sites, err = readSites(file); err != nil {
			return Config{}, err
		}
	}
	if err := v.Unmarshal(&cfg); err != nil {
		return Config{}, &r1.Error{Name: "config-invalid", Detail: "a setting has the wrong type", Remedy: "compare with docs/configuration.md", Err: err}
	}
	if raw := os.Getenv(EndpointsEnv); raw != "" {
		if cfg.Endpoints, err = ParseEndpoints(raw); err != nil {
			return Config{}, err
		}
	}
	return cfg, cfg.check()
}

// Embedded says whether the engine inside the binary is used.
func (c Config) Embedded() bool { return c.Temporal.Address == "" }

// CheckEngine refuses half an engine. An agent needs no Temporal and does not
// ask.
func (c Config) CheckEngine() error {
	if (c.Temporal.Address == "") == (c.S3.Endpoint == "") {
		return nil
	}
	return &r1.Error{
		Name:   "config-invalid",
		Detail: "temporal.address and s3.endpoint go together, and only one of them is set",
		Remedy: "set both to use your own Temporal and S3, or neither to use the embedded ones",
	}
}

func (c *Config) check() error {
	if c.Site.Slots < 1 {
		return &r1.Error{Name: "config-invalid", Detail: fmt.Sprintf("site.slots is %d, expected at least 1", c.Site.Slots), Remedy: "set site.slots to how many jobs may run side by side"}
	}
	for name, v := range map[string]float64{
		"site.accelerators": float64(c.Site.Accelerators), "site.accelerator_memory": c.Site.AcceleratorMemory, "site.accelerator_tflops": c.Site.AcceleratorTFLOPS,
		"prices.accelerator_hour": c.Prices.AcceleratorHour, "prices.cpu_hour": c.Prices.CPUHour, "prices.storage_tb_month": c.Prices.StorageTBMonth,
	} {
		if v < 0 {
			return &r1.Error{Name: "config-invalid", Detail: fmt.Sprintf("%s is %g, expected a number from 0", name, v), Remedy: "correct it; 0 is: not known"}
		}
	}
	if err := c.Trainer.resolve(); err != nil {
		return err
	}
	if err := c.checkSite(); err != nil {
		return err
	}
	if err := checkEndpoints(c.Endpoints); err != nil {
		return err
	}
	// The engine and its agents run in other folders than this command.
	paths := []*string{&c.StateDir, &c.CacheDir, &c.Trainer.WheelDir, &c.File}
	for i := range c.Trainer.PythonPath {
		paths = append(paths, &c.Trainer.PythonPath[i])
	}
	for _, path := range paths {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("resolve %s: %w", *path, err)
		}
		*path = abs
	}
	return nil
}

// resolve finds the program of trainer.command: agents run in other folders, and
// a name that is mistyped must not be noticed by a failed job.
func (t *Trainer) resolve() error {
	if len(t.Command) == 0 {
		return nil
	}
	path, err := exec.LookPath(t.Command[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return &r1.Error{
			Name:   "trainer-command",
			Detail: fmt.Sprintf("trainer.command names %q, which is no program here", t.Command[0]),
			Remedy: "give the path of a program that keeps docs/job-contract.md, or leave the setting out to use r1trainer", Err: err,
		}
	}
	t.Command[0] = path
	return nil
}

func findFile() (string, error) {
	candidates := []string{"r1ctl.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		candidates = append(candidates, filepath.Join(dir, "r1ctl", "r1ctl.yaml"))
	}
	for _, c := range candidates {
		_, err := os.Stat(c)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fileError(c, err)
		}
	}
	return "", nil
}

func fileError(file string, err error) error {
	return &r1.Error{
		Name:   "config-invalid",
		Detail: "read config file " + file,
		Remedy: "mend the file; its settings are in docs/configuration.md",
		Err:    err,
	}
}

func refuseUnknown(file string, keys []string, known map[string]any) error {
	sort.Strings(keys)
	names := make([]string, 0, len(known))
	for k := range known {
		names = append(names, k)
	}
	for _, key := range keys {
		if _, ok := known[key]; ok || stageRule(key) || key == sitesKey || strings.HasPrefix(key, sitesKey+".") {
			continue
		}
		if ours, problem := endpointSetting(key); problem != "" {
			return &r1.Error{Name: "config-invalid", Detail: fmt.Sprintf("%s: %s: %s", file, key, problem), Remedy: "correct the setting; all of them are in docs/configuration.md"}
		} else if ours {
			continue
		}
		detail := fmt.Sprintf("%s: there is no setting %q", file, key)
		if near := suggest.Nearest(key, names); near != "" {
			detail += fmt.Sprintf("; did you mean %q?", near)
		}
		return &r1.Error{Name: "config-invalid", Detail: detail, Remedy: "mend or remove the setting; all of them are in docs/configuration.md"}
	}
	return nil
}
