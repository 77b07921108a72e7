package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/chaos/s3proxy"
	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// cluster is r1ctl with a Temporal and an S3 of one's own, and two workers that
// race for every job. The services keep their ports and data when they are killed
// and started again. r1ctl reaches S3 through a proxy that can spoil it.
type cluster struct {
	bench
	dir   statedir.Dir // of the services
	ports statedir.Ports
	keys  statedir.Credentials
	proxy *s3proxy.Proxy

	mu       sync.Mutex
	services map[string]*service
	held     map[string]bool // not to be started now
}

// service is a process that somebody keeps running.
type service struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
}

// The services, by the order in which they start.
const (
	serviceS3       = "s3"
	serviceTemporal = "temporal"
	serviceWorkerA  = "worker-a"
	serviceWorkerB  = "worker-b"
)

func serviceNames() []string {
	return []string{serviceS3, serviceTemporal, serviceWorkerA, serviceWorkerB}
}

func (c *cluster) base() *bench { return &c.bench }

func (c *cluster) up(ctx context.Context) error {
	if err := c.prepare(); err != nil {
		return err
	}
	if _, err := statedir.Open(c.state()); err != nil {
		return err
	}
	if err := c.armable(); err != nil {
		return err
	}
	var err error
	if c.dir, err = statedir.Open(filepath.Join(c.root, "services")); err != nil {
		return err
	}
	if c.ports, err = c.dir.Ports(); err != nil {
		return err
	}
	if c.keys, err = c.dir.Credentials(); err != nil {
		return err
	}
	if c.proxy, err = s3proxy.New("http://" + statedir.Address(c.ports.S3)); err != nil {
		return fmt.Errorf("start the S3 proxy: %w", err)
	}
	c.settings = append(c.settings,
		"R1CTL_TEMPORAL_ADDRESS="+statedir.Address(c.ports.Temporal), "R1CTL_TEMPORAL_NAMESPACE="+server.Namespace,
		"R1CTL_S3_ENDPOINT=http://"+c.proxy.Addr(), "R1CTL_S3_REGION="+server.Region, "R1CTL_S3_BUCKET="+server.Bucket,
		"R1CTL_S3_ACCESS_KEY="+c.keys.AccessKey, "R1CTL_S3_SECRET_KEY="+c.keys.SecretKey,
	)
	c.services, c.held = map[string]*service{}, map[string]bool{}
	return c.repair(ctx, "")
}

// command is what runs a service.
func (c *cluster) command(name string) []string {
	switch name {
	case serviceS3:
		return []string{c.binaries.Self, verbS3, c.dir.Path()}
	case serviceTemporal:
		return []string{c.binaries.Self, verbTemporal, c.dir.Path()}
	}
	return []string{c.binaries.R1ctl, "worker"}
}

// repair starts every service that is dead and not held, and waits until Temporal and S3 answer.
func (c *cluster) repair(ctx context.Context, _ string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range serviceNames() {
		if c.held[name] || c.lives(name) {
			continue
		}
		if err := c.startService(name); err != nil {
			return err
		}
		port := map[string]int{serviceS3: c.ports.S3, serviceTemporal: c.ports.Temporal}[name]
		if err := c.answers(ctx, name, port); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) lives(name string) bool {
	s := c.services[name]
	if s == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

func (c *cluster) startService(name string) error {
	log, err := os.OpenFile(filepath.Join(c.dir.LogDir(), name+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	argv := c.command(name)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.environment(), c.root, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us, and we end them in order
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	s := &service{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(s.ended) }()
	c.services[name] = s
	return nil
}

// answers waits until a service listens; one without a port need not.
func (c *cluster) answers(ctx context.Context, name string, port int) error {
	if port == 0 {
		return nil
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		conn, err := net.DialTimeout("tcp", statedir.Address(port), time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.services[name].ended:
			return fmt.Errorf("%s ended before it answered; see %s", name, c.dir.LogDir())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not answer on port %d", name, port)
}

func (c *cluster) drivers() []Process { return with(c.processes(), RoleWorker, nil) }

func (c *cluster) lacks() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range serviceNames() {
		if !c.held[name] && !c.lives(name) {
			return true
		}
	}
	return false
}

// hold keeps a service from being started again until it is released.
func (c *cluster) hold(name string, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[name] = held
}

// down ends workers first, and last what they need.
func (c *cluster) down(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, name := range []string{serviceWorkerB, serviceWorkerA, serviceTemporal, serviceS3} {
		if !c.lives(name) {
			continue
		}
		s := c.services[name]
		_ = s.cmd.Process.Signal(syscall.SIGCONT)
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.stdin.Close()
		select {
		case <-s.ended:
		case <-ctx.Done():
			_ = s.cmd.Process.Kill()
		case <-time.After(time.Minute):
			errs = append(errs, fmt.Errorf("%s did not end within a minute of SIGTERM", name))
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
	}
	if c.proxy != nil {
		errs = append(errs, c.proxy.Close())
		c.proxy = nil
	}
	return errors.Join(errs...)
}

func (c *cluster) store(ctx context.Context) (*artifact.Store, error) {
	return artifact.New(ctx, artifact.Config{Endpoint: "http://" + statedir.Address(c.ports.S3), Region: server.Region, Bucket: server.Bucket,
		AccessKey: c.keys.AccessKey, SecretKey: c.keys.SecretKey, PathStyle: true})
}

func (c *cluster) temporal() (string, string, error) {
	return statedir.Address(c.ports.Temporal), server.Namespace, nil
}

func (c *cluster) bucket() string { return filepath.Join(c.dir.ObjectDir(), server.Bucket) }
