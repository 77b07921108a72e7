package worker

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/embed"
)

// Embedders opens embedding models at the endpoints of the settings. What they answer is
// kept in the state folder, for later runs on this machine.
func Embedders(c config.Config, log *slog.Logger) curate.Embedders {
	return func(name string, m embed.Model) (curate.Embedder, error) {
		e, err := config.FindEndpoint(c.Endpoints, name)
		if err != nil {
			return nil, err
		}
		key, err := e.Key(name, os.Getenv)
		if err != nil {
			return nil, err
		}
		client, err := chat.New(chat.Config{
			URL: e.URL, Key: key, RequestsPerMinute: e.RequestsPerMinute, TokensPerMinute: e.TokensPerMinute, Timeout: e.Timeout, Patience: e.Patience, Log: log,
		})
		if err != nil {
			return nil, err
		}
		return embed.New(m, client, filepath.Join(c.StateDir, "embeddings"), e.Concurrency)
	}
}
