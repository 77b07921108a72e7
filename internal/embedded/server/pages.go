package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// pagesPatience is how long a reader may take to ask, and how long an answer that
// is on its way may go on when the server ends.
const pagesPatience = 10 * time.Second

// pages is the HTTP server of the pages that show runs.
type pages struct {
	server *http.Server
	cancel context.CancelFunc
	ended  chan struct{}
}

// startPages serves on the kept port. A reader counts as a client: the server does
// not end as idle under somebody's eyes.
func startPages(ctx context.Context, dir statedir.Dir, ep Endpoints, address string,
	handler func(context.Context, Endpoints) (http.Handler, error), log *slog.Logger) (*pages, error) {
	ctx, cancel := context.WithCancel(ctx)
	h, err := handler(ctx, ep)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("make the pages that show runs: %w", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("listen for readers of reports: %w", err)
	}
	p := &pages{cancel: cancel, ended: make(chan struct{}), server: &http.Server{
		ReadHeaderTimeout: pagesPatience,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := Touch(dir.Path()); err != nil {
				log.Warn("cannot note a reader", "cause", err)
			}
			h.ServeHTTP(w, r)
		}),
	}}
	go func() {
		defer close(p.ended)
		if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("reports are served no longer", "cause", err)
		}
	}()
	return p, nil
}

func (p *pages) stop() {
	ctx, done := context.WithTimeout(context.Background(), pagesPatience)
	defer done()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close() // a log that somebody still reads
	}
	<-p.ended
	p.cancel()
}
