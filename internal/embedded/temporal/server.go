package temporal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/server/temporal"
)

// startPatience bounds how long the server may take to answer.
const startPatience = 60 * time.Second

// Server is a running Temporal server with its web UI.
type Server struct {
	cfg    Config
	server temporal.Server
	client client.Client
	ui     *uiserver.Server
	uiDone chan struct{}
}

// Start runs the server and returns once namespace, search attributes and web
// UI answer. The caller holds the lock of the state directory and has checked
// that the ports are free: a second server on the same file would corrupt runs,
// and the web UI ends the process when it cannot listen.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	file, err := cfg.prepareDatabase()
	if err != nil {
		return nil, err
	}
	serverConfig, hosts, err := cfg.server(file)
	if err != nil {
		return nil, err
	}
	srv, err := temporal.NewServer(
		temporal.WithConfig(serverConfig),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithDynamicConfigClient(cfg.settings()),
		temporal.WithLogger(cfg.Logger),
	)
	if err != nil {
		return nil, fmt.Errorf("configure temporal server: %w", err)
	}
	s := &Server{cfg: cfg, server: srv}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := s.server.Start(); err != nil {
		return fmt.Errorf("start temporal server: %w", err)
	}
	var err error
	s.client, err = client.NewLazyClient(client.Options{
		HostPort:  s.cfg.address(s.cfg.Port),
		Namespace: s.cfg.Namespace,
		Logger:    sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return fmt.Errorf("connect to temporal server: %w", err)
	}
	err = s.await(ctx, "namespace "+s.cfg.Namespace, func(ctx context.Context) error {
		_, err := s.client.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.cfg.Namespace})
		return err
	})
	if err != nil {
		return err
	}
	if err := s.addSearchAttributes(ctx); err != nil {
		return fmt.Errorf("add search attributes: %w", err)
	}
	s.startUI()
	return s.await(ctx, "web UI", s.checkUI)
}

// await repeats check until it succeeds, the server fails or ctx ends.
func (s *Server) await(ctx context.Context, what string, check func(context.Context) error) error {
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(once)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case fatal := <-s.Failed():
			return fatal
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// addSearchAttributes adds those that the namespace, made by an older r1ctl, lacks.
func (s *Server) addSearchAttributes(ctx context.Context) error {
	have, err := s.client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.cfg.Namespace})
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, name := range s.cfg.SearchAttributes {
		if _, ok := have.GetCustomAttributes()[name]; !ok {
			missing[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = s.client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: s.cfg.Namespace, SearchAttributes: missing,
	})
	return err
}

func (s *Server) startUI() {
	s.ui = uiserver.NewServer(server_options.WithConfigProvider(&uiconfig.Config{
		Host:                s.cfg.Host,
		Port:                s.cfg.UIPort,
		TemporalGRPCAddress: s.cfg.address(s.cfg.Port),
		EnableUI:            true,
		DefaultNamespace:    s.cfg.Namespace,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // served over http
		DisableNewsFetch:    true,                                // it would ask a host on the internet
		HideLogs:            true,
	}))
	s.uiDone = make(chan struct{})
	go func() {
		defer close(s.uiDone)
		_ = s.ui.Start() // returns when stopped; it has no other way to fail but to end the process
	}()
}

func (s *Server) checkUI(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.UIURL(), nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the web UI answers %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// Address is host:port of the gRPC frontend.
func (s *Server) Address() string { return s.cfg.address(s.cfg.Port) }

// UIURL is the address of the web UI.
func (s *Server) UIURL() string { return "http://" + s.cfg.address(s.cfg.UIPort) }

// Failed gives the error after which the server cannot go on.
func (s *Server) Failed() <-chan error { return s.cfg.Logger.fatal }

// OpenWorkflows is the number of workflows that have not ended.
func (s *Server) OpenWorkflows(ctx context.Context) (int64, error) {
	resp, err := s.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: s.cfg.Namespace, Query: "ExecutionStatus = 'Running'",
	})
	if err != nil {
		return 0, fmt.Errorf("count open workflows: %w", err)
	}
	return resp.GetCount(), nil
}

// Stop ends web UI and server. What was answered is in the database.
func (s *Server) Stop() {
	if s.ui != nil {
		s.ui.Stop()
		<-s.uiDone
	}
	if s.client != nil {
		s.client.Close()
	}
	if err := s.server.Stop(); err != nil {
		s.cfg.Logger.to.Error("stop temporal server", "cause", err)
	}
}
