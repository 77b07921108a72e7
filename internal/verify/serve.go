package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Config says how Serve serves.
type Config struct {
	// Listen is a host and port; default 127.0.0.1:0, a free port on loopback.
	Listen string
	// AllowRemote permits a Listen that other machines can reach.
	AllowRemote bool
	// AnnounceTo gets one JSON line, {"url": "http://…"}, once requests are accepted.
	AnnounceTo io.Writer
	// Parent ends the service when it reaches its end: given the stdin pipe an
	// agent holds, the service cannot outlive that agent, however it dies. Nil
	// leaves the end to the context.
	Parent io.Reader
	// Handler answers the requests; default a Service that has what needs no process.
	Handler http.Handler
}

// Serve answers requests until ctx ends or Parent closes, and returns nil then.
func Serve(ctx context.Context, cfg Config) error {
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Handler == nil {
		cfg.Handler = Service{Scorer: Scorer{Judge: New(Options{})}}.Handler()
	}
	if !cfg.AllowRemote && !isLoopback(cfg.Listen) {
		return &r1.Error{
			Name:   "listen-not-loopback",
			Detail: fmt.Sprintf("the verifier would listen on %s, which other machines may reach", cfg.Listen),
			Remedy: "listen on 127.0.0.1:0, or say that remote clients are wanted",
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return &r1.Error{
			Name: "port-in-use", Detail: fmt.Sprintf("the verifier cannot listen on %s", cfg.Listen),
			Remedy: "choose another port, or 0 for a free one", Err: err,
		}
	}
	server := &http.Server{
		Handler:           cfg.Handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       5 * time.Minute,
		WriteTimeout:      10 * time.Minute,
		IdleTimeout:       2 * time.Minute,
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if cfg.Parent != nil {
		go func() {
			_, _ = io.Copy(io.Discard, cfg.Parent) // any end is the end
			cancel()
		}()
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if cfg.AnnounceTo != nil {
		if err := announce(cfg.AnnounceTo, listener.Addr()); err != nil {
			_ = server.Close()
			return err
		}
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve verdicts: %w", err)
	case <-ctx.Done():
	}
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve verdicts: %w", err)
	}
	return nil
}

func announce(w io.Writer, addr net.Addr) error {
	line, err := json.Marshal(map[string]string{"url": "http://" + addr.String()})
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("announce the verifier's address: %w", err)
	}
	return nil
}

func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
