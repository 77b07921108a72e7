package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/child"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// verifierStart bounds how long the verifier may take to say where it listens.
const verifierStart = time.Minute

// verifierDeaths is how often in a row the service may die young before the
// attempt is given up.
const verifierDeaths = 8

// verifier is the verifier service, which is started anew at the same address when
// it dies. What it was judging then is asked again by the trainer.
type verifier struct {
	url   string
	agent *agent
	log   *os.File
	quit  context.CancelFunc
	done  chan struct{} // closed when it is not watched any more
	gone  chan struct{} // closed when it was given up
}

// service is one process of it.
type service struct {
	*child.Child
	url   string
	stdin *os.File // it ends when this closes
	began time.Time
}

// startVerifier starts the service on loopback and waits until it says where.
func (a *agent) startVerifier(ctx context.Context, log *os.File) (*verifier, error) {
	if len(a.cfg.Verifier) == 0 {
		return nil, errors.New("the job needs a verifier and none is configured")
	}
	first, err := a.serveVerdicts(ctx, log)
	if err != nil {
		return nil, err
	}
	watching, quit := context.WithCancel(context.WithoutCancel(ctx))
	v := &verifier{url: first.url, agent: a, log: log, quit: quit, done: make(chan struct{}), gone: make(chan struct{})}
	go v.watch(watching, first)
	return v, nil
}

// watch replaces the service when it dies, until ctx ends or it dies too often.
func (v *verifier) watch(ctx context.Context, s *service) {
	defer close(v.done)
	deaths := 0
	least := v.agent.cfg.Interval / 6 // 0.5 s by default, and at most 30 s
	pause := least
	for {
		if s != nil {
			select {
			case <-ctx.Done():
				s.stop()
				return
			case <-s.Done:
			}
			if _ = s.stdin.Close(); time.Since(s.began) > 100*v.agent.cfg.Interval {
				deaths, pause = 0, least
			}
			v.agent.cfg.Logger.Warn("the verifier died and is started again", "exit_code", s.Code, "deaths", deaths+1)
		}
		if deaths++; deaths >= verifierDeaths {
			close(v.gone)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, 10*v.agent.cfg.Interval)
		var err error
		if s, err = v.agent.serveVerdicts(ctx, v.log, "--listen", strings.TrimPrefix(v.url, "http://")); err != nil && ctx.Err() == nil {
			v.agent.cfg.Logger.Warn("the verifier cannot be started again", "error", err)
		}
	}
}

// serveVerdicts starts a process of the service and waits until it says where it listens.
func (a *agent) serveVerdicts(ctx context.Context, log *os.File, more ...string) (*service, error) {
	stdin, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	said, stdout, err := os.Pipe()
	if err != nil {
		_ = hold.Close()
		return nil, err
	}
	cmd := exec.Command(a.cfg.Verifier[0], slices.Concat(a.cfg.Verifier[1:], more)...)
	cmd.Dir = a.cfg.WorkDir
	cmd.Env = childenv.Clean()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, log
	process, err := child.Start(cmd)
	_ = stdout.Close()
	if err != nil {
		_, _ = hold.Close(), said.Close()
		return nil, err
	}
	s := &service{Child: process, stdin: hold, began: time.Now()}
	s.url, err = readAnnouncement(ctx, said)
	if err != nil {
		_ = said.Close()
		s.stop()
		return nil, &r1.Error{Name: "verifier-start", Detail: "the verifier did not say where it listens", Remedy: "see the attempt's log", Err: err}
	}
	go func() { // it must never wait for a reader
		_, _ = io.Copy(log, said)
		_ = said.Close()
	}()
	return s, nil
}

func readAnnouncement(ctx context.Context, said *os.File) (string, error) {
	_ = said.SetReadDeadline(time.Now().Add(verifierStart))
	stop := context.AfterFunc(ctx, func() { _ = said.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	line, err := bufio.NewReader(io.LimitReader(said, 4096)).ReadBytes('\n')
	if err != nil {
		return "", err
	}
	var announced struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(line, &announced); err != nil || announced.URL == "" {
		return "", fmt.Errorf("it said %q", line)
	}
	return announced.URL, said.SetReadDeadline(time.Time{})
}

// stop ends the process.
func (s *service) stop() {
	_ = s.stdin.Close()
	s.Kill()
}

// stop ends the service. A nil one is stopped already.
func (v *verifier) stop() {
	if v == nil {
		return
	}
	v.quit()
	<-v.done
}

// ended is closed when the service is gone for good; of no service, never.
func (v *verifier) ended() <-chan struct{} {
	if v == nil {
		return nil
	}
	return v.gone
}
