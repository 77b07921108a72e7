package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/s3server"
	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
	"github.com/r1ctl/r1ctl/internal/embedded/temporal"
	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	defaultMinFree = 1 << 30
	retention      = 365 * 24 * time.Hour // of ended workflows; the run itself is in S3
	portPatience   = time.Second
	orphanPatience = 4 * time.Second
	workerPatience = 30 * time.Second
	s3LockWait     = 10 * time.Second
)

// RunOptions is what Run needs.
type RunOptions struct {
	StateDir  string
	Version   string   // of this r1ctl, shown to clients
	S3Command []string // argv of a process that calls RunS3 for the same state directory

	// RunWorker serves workflows until its context ends, and calls ready once it
	// does: only then do clients find the server. An error ends the server.
	RunWorker func(ctx context.Context, ep Endpoints, ready func()) error
	// Pages makes the handler of the pages that show runs, once Temporal and S3 are
	// up. Its parts end with the context. When nil, none are served.
	Pages func(ctx context.Context, ep Endpoints) (http.Handler, error)
	// Busy says whether something runs for which the server must stay.
	// When nil, that is any workflow that has not ended.
	Busy func(context.Context) (bool, error)

	IdleTimeout  time.Duration // end after so long without client and work; 0 for never
	MinFreeBytes uint64        // refuse to start with less disk than this; 0 for 1 GiB
}

// Run is the server: it returns when ctx ends, SIGTERM or SIGINT comes, nothing
// needs it any more, or a part fails. By then every part has ended.
func Run(ctx context.Context, o RunOptions) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	reports := inheritReporter()
	defer reports.close()

	err := runLocked(ctx, o, reports)
	if err != nil {
		logs := o.StateDir
		if dir, derr := statedir.At(o.StateDir); derr == nil {
			logs = dir.LogDir()
		}
		f := asFailure(err, logs)
		reports.send(report{Error: &f})
	}
	return err
}

func runLocked(ctx context.Context, o RunOptions, reports *reporter) error {
	dir, err := statedir.Open(o.StateDir)
	if err != nil {
		return err
	}
	lock, err := statedir.TakeLock(dir.ServerLock())
	if errors.Is(err, statedir.ErrLocked) {
		return alreadyRuns(dir)
	}
	if err != nil {
		return err
	}
	defer lock.Release()

	if err := removeIfThere(dir.ServerFile(), dir.ErrorFile()); err != nil {
		return err
	}
	err = serve(ctx, dir, o, reports)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = nil // stopped while it started
	}
	if err != nil {
		_ = statedir.WriteJSON(dir.ErrorFile(), asFailure(err, dir.LogDir()))
	}
	return err
}

const errAlreadyRuns = "server-already-running"

func alreadyRuns(dir statedir.Dir) error {
	holder, _, _ := statedir.Held(dir.ServerLock())
	return &r1.Error{
		Name:   errAlreadyRuns,
		Detail: fmt.Sprintf("a server (pid %d) already runs on %s", holder.PID, dir.Path()),
		Remedy: "use it, or end it with: r1ctl server stop",
	}
}

// serve runs all parts. Each is torn down by a deferred call, in reverse order,
// however the function ends.
func serve(ctx context.Context, dir statedir.Dir, o RunOptions, reports *reporter) error {
	logFile, err := dir.OpenLog("server")
	if err != nil {
		return err
	}
	defer logFile.Close()
	log := slog.New(slog.NewTextHandler(logFile, nil))
	log.Info("server starts", "version", o.Version, "pid", os.Getpid())
	defer log.Info("server ended")

	ep, ports, err := prepare(ctx, dir, o, log)
	if err != nil {
		log.Error("cannot start", "cause", err)
		return err
	}

	reports.send(report{Step: "starting the S3 server"})
	s3Log, err := dir.OpenLog("s3")
	if err != nil {
		return err
	}
	defer s3Log.Close()
	s3, err := s3server.Supervise(ctx, s3server.Child{
		Command: o.S3Command, Address: statedir.Address(ports.S3), Output: s3Log, Log: log,
	})
	if err != nil {
		log.Error("cannot start the S3 server", "cause", err)
		return err
	}
	defer s3.Stop()

	reports.send(report{Step: "starting Temporal and its web UI"})
	temporalLog, err := dir.OpenLog("temporal")
	if err != nil {
		return err
	}
	defer temporalLog.Close()
	engine, err := temporal.Start(ctx, temporal.Config{
		DatabaseDir:      dir.DatabaseDir(),
		Host:             statedir.Host,
		Port:             ports.Temporal,
		HTTPPort:         ports.TemporalHTTP,
		UIPort:           ports.UI,
		Namespace:        Namespace,
		Retention:        retention,
		SearchAttributes: searchAttributes,
		Logger:           temporal.NewLogger(temporalLog),
	})
	if err != nil {
		log.Error("cannot start Temporal", "cause", err)
		return err
	}
	defer engine.Stop()

	if o.Pages != nil {
		pages, err := startPages(ctx, dir, ep, statedir.Address(ports.Report), o.Pages, log)
		if err != nil {
			log.Error("cannot serve reports", "cause", err)
			return err
		}
		defer pages.stop()
	}

	r := &running{dir: dir, options: o, endpoints: ep, engine: engine, log: log, reports: reports}
	return r.untilDone(ctx)
}

// prepare checks all that can be checked before anything is started.
func prepare(ctx context.Context, dir statedir.Dir, o RunOptions, log *slog.Logger) (Endpoints, statedir.Ports, error) {
	need := o.MinFreeBytes
	if need == 0 {
		need = defaultMinFree
	}
	if err := statedir.CheckDisk(dir.Path(), need); err != nil {
		return Endpoints{}, statedir.Ports{}, err
	}
	if err := s3server.CheckFilesystem(dir.ObjectDir()); err != nil {
		return Endpoints{}, statedir.Ports{}, err
	}
	creds, err := dir.Credentials()
	if err != nil {
		return Endpoints{}, statedir.Ports{}, err
	}
	if err := endOrphan(ctx, dir, log); err != nil {
		return Endpoints{}, statedir.Ports{}, err
	}
	ports, err := dir.Ports()
	if err != nil {
		return Endpoints{}, statedir.Ports{}, err
	}
	if err := dir.CheckPorts(ctx, ports, portPatience); err != nil {
		return Endpoints{}, statedir.Ports{}, err
	}
	self, err := statedir.Self()
	if err != nil {
		return Endpoints{}, statedir.Ports{}, err
	}
	reports := ""
	if o.Pages != nil {
		reports = "http://" + statedir.Address(ports.Report)
	}
	return Endpoints{
		PID:             self.PID,
		ProcessStart:    self.Start,
		Version:         o.Version,
		Started:         time.Now().UTC(),
		StateDir:        dir.Path(),
		TemporalAddress: statedir.Address(ports.Temporal),
		Namespace:       Namespace,
		UIURL:           "http://" + statedir.Address(ports.UI),
		ReportURL:       reports,
		S3Endpoint:      "http://" + statedir.Address(ports.S3),
		S3Region:        Region,
		Bucket:          Bucket,
		CredentialsFile: dir.CredentialsFile(),
		AccessKey:       creds.AccessKey,
		SecretKey:       creds.SecretKey,
	}, ports, nil
}

// endOrphan waits for the S3 server of a killed server to follow its parent, and
// kills it when it does not, for instance because it is stopped: we hold the
// server's lock, so no living server needs it.
func endOrphan(ctx context.Context, dir statedir.Dir, log *slog.Logger) error {
	orphan, held, err := holder(ctx, dir.S3Lock())
	if err != nil || !held {
		return err
	}
	log.Warn("the S3 server of an earlier server is still there", "pid", orphan.PID)
	return endWithin(ctx, orphan, orphanPatience)
}

// RunS3 is the child of Run: the S3 server of a state directory. It must be the
// only thing its process does, which must end when it returns.
func RunS3(ctx context.Context, stateDir string) error {
	dir, err := statedir.Open(stateDir)
	if err != nil {
		return err
	}
	var ports statedir.Ports
	if ports, err = dir.Ports(); err != nil {
		return err
	}
	return s3server.Main(ctx, s3server.Config{
		Root:            dir.ObjectDir(),
		Address:         statedir.Address(ports.S3),
		Region:          Region,
		Bucket:          Bucket,
		CredentialsFile: dir.CredentialsFile(),
		LockFile:        dir.S3Lock(),
		LockWait:        s3LockWait,
		Parent:          os.Stdin,
	})
}

func removeIfThere(files ...string) error {
	for _, f := range files {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what an earlier server left: %w", err)
		}
	}
	return nil
}
