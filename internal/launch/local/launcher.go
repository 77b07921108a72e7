package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Name is the launcher's word in the config.
const Name = "local"

// handleVersion is the version of Handle.State.
const handleVersion = 1

// Config says what the launcher starts, and where it keeps what it knows.
type Config struct {
	Root    string   // folder of the attempts' folders
	Command []string // what to run; "--bucket B --spec KEY" is appended; it must call Main
	Env     []string // KEY=VALUE for the process, besides the machine's own; no secrets
	// CredentialsFile is handed on as R1CTL_CREDENTIALS_FILE, when set.
	CredentialsFile string
}

// Launcher runs attempts as detached processes.
type Launcher struct {
	cfg  Config
	host string
}

var _ r1.Launcher = (*Launcher)(nil)

// New checks the config. Two launchers over one root, also in two processes,
// are one launcher.
func New(cfg Config) (*Launcher, error) {
	if len(cfg.Command) == 0 {
		return nil, errors.New("local launcher: no command")
	}
	if cfg.Root == "" {
		return nil, errors.New("local launcher: no root folder")
	}
	root, err := realDir(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("local launcher: root: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("local launcher: %w", err)
	}
	cfg.Root = root
	return &Launcher{cfg: cfg, host: host}, nil
}

// realDir makes the folder and gives it the one name that all launchers over
// it use: processes are found by it.
func realDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// Name implements r1.Launcher.
func (l *Launcher) Name() string { return Name }

// Capabilities implements r1.Launcher. It takes attempts as they come: how many
// run side by side is the worker's business, and their memory nobody's.
func (l *Launcher) Capabilities() r1.Capabilities {
	return r1.Capabilities{MachineBound: true, Outcomes: []r1.Outcome{r1.Preempted, r1.NodeLost, r1.Rejected}}
}

func (l *Launcher) present() error { return record.Present(l.cfg.Root) }

// handleState is Handle.State.
type handleState struct {
	Host string `json:"host"`
	Dir  string `json:"dir"` // for people; the key decides
}

func (l *Launcher) handle(key r1.AttemptKey, dir string) (r1.Handle, error) {
	return record.Handle(Name, handleVersion, key, handleState{Host: l.host, Dir: dir})
}

// Submit implements r1.Launcher. It returns when the process has said who it is.
func (l *Launcher) Submit(ctx context.Context, a r1.Launch) (r1.Handle, error) {
	dir, err := record.Dir(l.cfg.Root, a.Key)
	if err != nil {
		return r1.Handle{}, err
	}
	if err := errors.Join(l.present(), ctx.Err()); err != nil {
		return r1.Handle{}, fmt.Errorf("submit %s: %w", a.Key, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r1.Handle{}, fmt.Errorf("make folder of %s: %w", a.Key, err)
	}
	if err := l.ensure(ctx, dir, a); err != nil {
		return r1.Handle{}, fmt.Errorf("submit %s: %w", a.Key, err)
	}
	return l.handle(a.Key, dir)
}

// ensure starts the attempt's process unless it lives or has lived.
func (l *Launcher) ensure(ctx context.Context, dir string, a r1.Launch) error {
	turn, err := lock(ctx, filepath.Join(dir, submitLock))
	if err != nil {
		return err
	}
	defer turn.Close()
	began, err := hasBegun(dir)
	if began || err != nil {
		return err
	}
	life, err := tryLock(filepath.Join(dir, lifeLock))
	if err != nil {
		return err
	}
	if life == nil {
		return nil // it lives, and is about to say who it is
	}
	defer life.Close() // the child has it too
	// Nothing of the attempt can live now, unless somebody removed its folder while
	// it ran. What is left of it then cannot end well, and must not be doubled.
	if err := killMarked(dir); err != nil {
		return err
	}
	return l.start(ctx, dir, a, life)
}

// hasBegun says whether a process of the attempt ever recorded itself, or must
// never begin.
func hasBegun(dir string) (bool, error) {
	ended, err := record.Read(dir, exitFile, new(exitRecord))
	if ended || err != nil {
		return ended, err
	}
	return record.Read(dir, processFile, new(processRecord))
}

// start forks the process and waits for its sign of life.
func (l *Launcher) start(ctx context.Context, dir string, a r1.Launch, life *os.File) error {
	log, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	ready, signal, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()

	argv := record.Argv(l.cfg.Command, a)
	cmd := exec.Command(argv[0], argv[1:]...) // not bound to ctx: it outlives us
	cmd.Dir = dir
	cmd.Env = l.environment(dir, a)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lifeFD - 3: life, readyFD - 3: signal}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fault.Point(fault.LauncherLocked, a.Key.String())
	err = cmd.Start()
	_ = signal.Close()
	fault.Point(fault.LauncherForked, a.Key.String())
	if err != nil {
		return &r1.Error{Name: "launch-failed", Detail: "cannot start " + argv[0], Remedy: "check that the program exists and may be run", Err: err}
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }() // leaves no zombie while we live

	stop := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if n, _ := ready.Read(make([]byte, 1)); n == 1 {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // it lives on, and the next Submit finds it
	}
	<-exited
	// Were it left without a record, every Submit would start it again.
	return record.Write(dir, exitFile, stillborn(cmd.ProcessState, filepath.Join(dir, logFile)))
}

// stillborn is the record of a process that ended before it began. One that
// refused to begin would do so again; one that was killed, or could not write
// its record, would not.
func stillborn(state *os.ProcessState, log string) exitRecord {
	rec := exitRecord{Outcome: r1.Rejected, Code: state.ExitCode(), Ended: time.Now().UTC(),
		Reason: fmt.Sprintf("the process ended before it began: %s; see %s", state, log)}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		rec.Code = 128 + int(ws.Signal())
	}
	if rec.Code > 128 || rec.Code == exitCannotBegin {
		rec.Outcome, rec.Reason = r1.Failed, "infrastructure: "+rec.Reason
	}
	return rec
}

func (l *Launcher) environment(dir string, a r1.Launch) []string {
	env := record.Environ(childenv.Clean(l.cfg.Env...), a, l.cfg.CredentialsFile)
	return append(env, childenv.AttemptDir+"="+dir, childenv.Allocated+"="+time.Now().UTC().Format(time.RFC3339Nano))
}

// Find implements r1.Launcher.
func (l *Launcher) Find(_ context.Context, key r1.AttemptKey) (r1.Handle, error) {
	dir, err := record.Dir(l.cfg.Root, key)
	if err != nil {
		return r1.Handle{}, err
	}
	begun, err := hasBegun(dir)
	if err == nil && !begun {
		begun, err = locked(filepath.Join(dir, lifeLock))
	}
	// Asked last: had the folder gone away before, what was seen above means nothing.
	if err == nil && !begun {
		err = l.present()
	}
	if err != nil {
		return r1.Handle{}, fmt.Errorf("find %s: %w", key, err)
	}
	if !begun {
		return r1.Handle{}, fmt.Errorf("attempt %s: %w", key, r1.ErrNotFound)
	}
	return l.handle(key, dir)
}
