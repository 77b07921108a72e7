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
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// verifierStart bounds how long the verifier may take to say where it listens.
const verifierStart = time.Minute

// verifier is the running verifier service.
type verifier struct {
	*child
	url   string
	stdin *os.File // it ends when this closes
}

// startVerifier starts the service on loopback and waits until it says where.
func (a *agent) startVerifier(ctx context.Context, log *os.File) (*verifier, error) {
	if len(a.cfg.Verifier) == 0 {
		return nil, errors.New("the job needs a verifier and none is configured")
	}
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
	cmd := exec.Command(a.cfg.Verifier[0], a.cfg.Verifier[1:]...)
	cmd.Dir = a.cfg.WorkDir
	cmd.Env = a.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, log
	process, err := startChild(cmd)
	_ = stdout.Close()
	if err != nil {
		_, _ = hold.Close(), said.Close()
		return nil, err
	}
	v := &verifier{child: process, stdin: hold}
	v.url, err = readAnnouncement(ctx, said)
	if err != nil {
		_ = said.Close()
		v.stop()
		return nil, &r1.Error{Name: "verifier-start", Detail: "the verifier did not say where it listens", Remedy: "see the attempt's log", Err: err}
	}
	go func() { // it must never wait for a reader
		_, _ = io.Copy(log, said)
		_ = said.Close()
	}()
	return v, nil
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

// stop ends the service. A nil one is stopped already.
func (v *verifier) stop() {
	if v == nil {
		return
	}
	_ = v.stdin.Close()
	v.kill()
}

// ended is closed when the service is gone; of no service, never.
func (v *verifier) ended() <-chan struct{} {
	if v == nil {
		return nil
	}
	return v.done
}
