package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// laptop is r1ctl with nothing configured: the embedded engine, which the
// command that needs it starts.
type laptop struct{ bench }

func (l *laptop) base() *bench { return &l.bench }

func (l *laptop) up(context.Context) error {
	if err := l.prepare(); err != nil {
		return err
	}
	if _, err := statedir.Open(l.state()); err != nil { // so that points can be armed before the first start
		return err
	}
	return l.armable()
}

func (l *laptop) drivers() []Process { return with(l.processes(), RoleEngine, nil) }

func (l *laptop) lacks() bool { return len(l.drivers()) == 0 }

func (l *laptop) repair(ctx context.Context, run string) error {
	if !l.lacks() {
		return nil
	}
	_, err := l.r1ctl(ctx, "resume", run, "--detach")
	return err
}

func (l *laptop) down(ctx context.Context) error {
	_, err := l.r1ctl(ctx, "server", "stop")
	return err
}

func (l *laptop) endpoints() (server.Endpoints, error) {
	var ep server.Endpoints
	raw, err := os.ReadFile(filepath.Join(l.state(), "server.json"))
	if err == nil {
		err = json.Unmarshal(raw, &ep)
	}
	if err != nil {
		return ep, fmt.Errorf("find the engine: %w", err)
	}
	return ep, nil
}

func (l *laptop) store(ctx context.Context) (*artifact.Store, error) {
	ep, err := l.endpoints()
	if err != nil {
		return nil, err
	}
	keys, err := statedir.ReadCredentials(ep.CredentialsFile)
	if err != nil {
		return nil, err
	}
	return artifact.New(ctx, artifact.Config{Endpoint: ep.S3Endpoint, Region: ep.S3Region, Bucket: ep.Bucket,
		AccessKey: keys.AccessKey, SecretKey: keys.SecretKey, PathStyle: true, Embedded: true})
}

func (l *laptop) temporal() (string, string, error) {
	ep, err := l.endpoints()
	return ep.TemporalAddress, ep.Namespace, err
}

func (l *laptop) bucket() string { return filepath.Join(l.state(), "s3", server.Bucket) }
