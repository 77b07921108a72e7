package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/generate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// answersEnv names the variable in which an agent tells the generator where this
// machine keeps answers.
const answersEnv = "R1CTL_ANSWERS_DIR"

func (a *app) generateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "generate JOB.JSON",
		Short: "Ask an endpoint for the samples of a job (agents start it)",
		Long: `This command is the trainer of a sample stage that asks an endpoint
(docs/job-contract.md): it renders the prompts of job.json, asks, has the
answers verified, and writes the rows. The endpoints of the site are in
R1CTL_ENDPOINTS, and their keys in the variables named there. People do not
call it.`,
		Example: "  r1ctl generate job.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			code := generate.Main(cmd.Context(), args[0], generate.Options{
				Endpoint: siteEndpoint, AnswersDir: os.Getenv(answersEnv), Log: a.err,
			})
			if code != exitOK {
				return codeError(code)
			}
			return nil
		},
	}
}

// siteEndpoint finds an endpoint and its key.
func siteEndpoint(name string) (generate.Site, error) {
	all := map[string]config.Endpoint{}
	if raw := os.Getenv(config.EndpointsEnv); raw != "" {
		var err error
		if all, err = config.ParseEndpoints(raw); err != nil {
			return generate.Site{}, err
		}
	}
	e, err := config.FindEndpoint(all, name)
	if err != nil {
		return generate.Site{}, err
	}
	key, err := e.Key(name, os.Getenv)
	if err != nil {
		return generate.Site{}, err
	}
	return generate.Site{Concurrency: e.Concurrency, Config: chat.Config{
		URL: e.URL, Key: key, RequestsPerMinute: e.RequestsPerMinute, TokensPerMinute: e.TokensPerMinute, Timeout: e.Timeout, Patience: e.Patience,
	}}, nil
}

// generatorFor gives attempts that ask an endpoint this binary as their trainer.
// It alone gets the endpoint's key.
func generatorFor(cfg config.Config, self string) func(r1.Spec) (command, environ []string) {
	return func(spec r1.Spec) (command, environ []string) {
		name := r1.EndpointOf(spec.Kind, spec.Params)
		if name == "" {
			return nil, nil
		}
		environ = []string{answersEnv + "=" + filepath.Join(cfg.StateDir, "answers")}
		if e, ok := cfg.Endpoints[name]; ok { // one that is not there is told by the generator
			environ = append(environ, config.EndpointsEnv+"="+config.FormatEndpoint(name, e))
			if key, ok := os.LookupEnv(e.KeyEnv); ok && e.KeyEnv != "" {
				environ = append(environ, e.KeyEnv+"="+key)
			}
		}
		return []string{self, "generate"}, environ
	}
}

// checkEndpoints refuses a plan that asks an endpoint which this site does not have.
func checkEndpoints(cfg config.Config, plan *r1.Plan) error {
	for _, s := range plan.Stages {
		for _, j := range s.Jobs {
			names := []string{r1.EndpointOf(j.Kind, j.Params)}
			if j.Kind == r1.KindCurate {
				names = curate.Endpoints(j.Params)
			}
			for _, name := range names {
				if _, err := config.FindEndpoint(cfg.Endpoints, name); name != "" && err != nil {
					return fmt.Errorf("stage %s: %w", s.Name, err)
				}
			}
		}
	}
	return nil
}
