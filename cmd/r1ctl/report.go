package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/r1"
	reports "github.com/r1ctl/r1ctl/internal/report"
	"github.com/r1ctl/r1ctl/internal/report/link"
	"github.com/r1ctl/r1ctl/internal/report/pages"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/worker"
)

func (a *app) reportCommand() *cobra.Command {
	var file, serve string
	cmd := &cobra.Command{
		Use:   "report [RUN]",
		Short: "Write what a run did into one HTML file (the newest run by default)",
		Long: `This command writes a report of a run: what each stage did to the model, the
curves of its training, what became of its data, where time went, and real
responses before and after. It is one HTML file that needs nothing else, for any
state a run is in. The embedded engine serves the same page live; elsewhere
--serve does.`,
		Example: `  r1ctl report full-r1-1123-k7q2
  r1ctl report full-r1-1123-k7q2 -f r1.html
  r1ctl report full-r1-1123-k7q2 -o json > r1.json
  r1ctl report full-r1-1123-k7q2 --serve
  r1ctl report --serve=127.0.0.1:8080`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if serve != "" {
				if file != "" || a.json() {
					return usageError{errors.New("--serve writes nothing: leave out --file and --output")}
				}
				if err := checkLoopback(serve); err != nil {
					return err
				}
			}
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				if serve != "" {
					return a.serveReport(ctx, s, run, serve)
				}
				return a.writeReport(ctx, s, run, file)
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "write to this file, or - for standard output (default: RUN-report.html here)")
	f.StringVar(&serve, "serve", "", "serve it live on a loopback address until Ctrl-C, instead of writing it")
	f.Lookup("serve").NoOptDefVal = "127.0.0.1:0"
	return cmd
}

func (a *app) writeReport(ctx context.Context, s *session, run *r1.Run, file string) error {
	st, err := s.status(ctx, runs.NewReader(s.store, run))
	if err != nil {
		return err
	}
	r, err := reports.Collect(ctx, s.store, run, st)
	if err != nil {
		return fmt.Errorf("collect the report of %s: %w", run.ID, err)
	}
	write := func(w io.Writer) error { return reports.Render(w, r, reports.Options{}) }
	if a.json() {
		write = func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			return enc.Encode(r)
		}
	}
	if file == "-" || file == "" && a.json() {
		if err := write(a.out); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	}
	if file == "" {
		file = run.ID + "-report.html"
	}
	size, err := writeWhole(file, write)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	fmt.Fprintf(a.err, "%s  %d KB, one file, nothing else needed\n", file, (size+999)/1000)
	if s.report != "" && r.Live() {
		fmt.Fprintf(a.err, "the run goes on; live: %s\n", link.Run(s.report, run.ID))
	}
	return nil
}

// writeWhole replaces a file by what write writes, or leaves it as it was.
func writeWhole(file string, write func(io.Writer) error) (int64, error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(tmp.Name()) // nothing is left to remove once it is renamed
	err = write(tmp)
	var size int64
	if info, serr := tmp.Stat(); serr == nil {
		size = info.Size()
	}
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	return size, err
}

// checkLoopback refuses to show runs to a network: the pages know no passwords.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return usageError{fmt.Errorf("--serve is %q, expected HOST:PORT such as 127.0.0.1:8080", address)}
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return &r1.Error{
		Name:   "listen-not-loopback",
		Detail: fmt.Sprintf("the report would be served on %s, which other machines may reach, and it asks nobody for a password", address),
		Remedy: "serve it on 127.0.0.1:8080, and reach it from elsewhere through: ssh -L 8080:127.0.0.1:8080 HOST",
	}
}

func (a *app) serveReport(ctx context.Context, s *session, run *r1.Run, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("serve the report: %w", err)
	}
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server := &http.Server{Handler: s.pages(log), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintln(a.out, link.Run("http://"+l.Addr().String(), run.ID))
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the report: %w", err)
	}
	return nil
}

// pages are the pages that show runs, with the engine's word on their state.
func (s *session) pages(log *slog.Logger) http.Handler {
	return pages.Handler(pages.Options{
		Store: s.store,
		Log:   log,
		Status: func(ctx context.Context, run *r1.Run) (*runs.Status, error) {
			return s.status(ctx, runs.NewReader(s.store, run))
		},
	})
}

// reportPages makes the pages for an engine that has just come up. What they
// need ends with the context.
func reportPages(ctx context.Context, cfg config.Config, log *slog.Logger) (http.Handler, error) {
	store, err := artifact.New(ctx, storeConfig(cfg))
	if err != nil {
		return nil, err
	}
	temporal, err := worker.Dial(ctx, cfg.Temporal, log)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, temporal.Close)
	s := &session{cfg: cfg, store: store, temporal: temporal}
	return s.pages(log), nil
}
