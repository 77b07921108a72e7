package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// pace is that of the agent's heartbeats and uploads, twice its default: its clock goes on while it stands still.
const pace = 6 * time.Second

// pair trains a job twice at once, by turns.
func (b *bench) pair(ctx context.Context, j job, n int, agentFirst bool) (pair, error) {
	p := pair{agentFirst: agentFirst}
	both := &turns{length: b.options.turn}
	if agentFirst {
		both.on = 1
	}
	taking, end := context.WithCancel(ctx)
	var turning sync.WaitGroup
	turning.Go(func() { both.run(taking) })
	g, gctx := errgroup.WithContext(ctx)
	for i, s := range []struct {
		into  *measurement
		train func(context.Context, job, int, seat) (measurement, error)
	}{{&p.alone, b.alone}, {&p.agent, b.underAgent}} {
		g.Go(func() (err error) {
			*s.into, err = s.train(gctx, j, n, seat{both, i})
			return err
		})
	}
	err := g.Wait()
	end()
	turning.Wait()
	if err != nil {
		return p, err
	}
	p.alone.time(seat{both, 0})
	p.agent.time(seat{both, 1})
	if p.alone.steps != p.agent.steps {
		return p, fmt.Errorf("%d steps alone and %d under the agent", p.alone.steps, p.agent.steps)
	}
	return p, nil
}

// alone trains without the agent, in a folder as the agent would make it.
func (b *bench) alone(ctx context.Context, j job, n int, at seat) (m measurement, err error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("alone-%s-%d", j.name, n))
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := r1.JobFile{
		Version: 1, Key: key(j, n).String(), Kind: j.planned.Kind, Params: j.planned.Params, Seed: j.planned.Seed,
		FromStep: j.planned.FromStep, ToStep: j.planned.ToStep, Inputs: map[string]r1.JobFileInput{}, Outputs: map[string]r1.JobFileOutput{},
		Checkpoints: r1.CheckpointDir, Metrics: r1.MetricsFile, Error: "error.json", Threads: b.options.threads,
	}
	for name, from := range j.dirs {
		file.Inputs[name] = r1.JobFileInput{Path: filepath.Join("inputs", name), Type: j.inputs[name].Type}
		if err := os.CopyFS(filepath.Join(dir, "inputs", name), os.DirFS(from)); err != nil {
			return m, err
		}
	}
	for _, o := range j.planned.Outputs {
		file.Outputs[o.Name] = r1.JobFileOutput{Path: filepath.Join("outputs", o.Name), Type: o.Type}
		if err := os.MkdirAll(filepath.Join(dir, "outputs", o.Name), 0o755); err != nil {
			return m, err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, r1.CheckpointDir), 0o755); err != nil {
		return m, err
	}
	served := func() float64 { return 0 }
	if j.planned.Kind == r1.KindGRPO {
		if file.RewardURL, served, err = b.verifier(at); err != nil {
			return m, err
		}
	}
	raw, err := json.Marshal(file)
	if err != nil {
		return m, err
	}
	if err := os.WriteFile(filepath.Join(dir, "job.json"), raw, 0o600); err != nil {
		return m, err
	}
	cmd := exec.CommandContext(ctx, b.env.Python, "-m", "r1trainer", "job.json")
	cmd.Dir, cmd.Env = dir, childenv.Clean(b.env.Environ...)
	if t := b.options.threads; t > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("OMP_NUM_THREADS=%d", t), fmt.Sprintf("MKL_NUM_THREADS=%d", t), fmt.Sprintf("OPENBLAS_NUM_THREADS=%d", t))
	}
	err = logged(cmd, dir+".log", at)
	verifier := served()
	if err != nil {
		return m, err
	}
	lines, err := os.ReadFile(filepath.Join(dir, r1.MetricsFile))
	if err != nil {
		return m, err
	}
	err = m.read(lines)
	m.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	m.all = m.cpu + verifier
	return m, err
}

// underAgent trains as a launcher on this machine would have it done.
func (b *bench) underAgent(ctx context.Context, j job, n int, at seat) (m measurement, err error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("agent-%s-%d", j.name, n))
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return m, err
	}
	attempt := key(j, n)
	prefix := r1.Layout{Recipe: laptop, Run: attempt.Run}.Attempt(attempt)
	spec := r1.Spec{
		Version: 1, Key: attempt, Recipe: laptop, Kind: j.planned.Kind, Params: j.planned.Params, Seed: j.planned.Seed,
		FromStep: j.planned.FromStep, ToStep: j.planned.ToStep, Fingerprint: j.planned.Fingerprint, Bucket: b.bucket,
		Inputs: j.inputs, Outputs: j.planned.Outputs, Verifier: j.planned.Kind == r1.KindGRPO, Threads: b.options.threads, KeepCheckpoints: 2,
	}
	specKey := path.Join(prefix, r1.SpecFile)
	if err := b.store.PutJSON(ctx, specKey, spec); err != nil {
		return m, err
	}
	at.join(b.s3.Process.Pid)
	defer at.leave(b.s3.Process.Pid)
	server := b.cpu()
	cmd := exec.CommandContext(ctx, b.options.binary, "agent", "--bucket", b.bucket, "--spec", specKey, "--interval", pace.String())
	cmd.Dir = dir
	cmd.Env = childenv.Clean("R1CTL_STATE_DIR="+b.state(), "R1CTL_S3_ENDPOINT="+b.endpoint, "R1CTL_S3_REGION="+b.region,
		"R1CTL_S3_PATH_STYLE=true", "R1CTL_S3_EMBEDDED=true", "R1CTL_CREDENTIALS_FILE="+b.credentials)
	if err := logged(cmd, dir+".log", at); err != nil {
		return m, err
	}
	at.leave(b.s3.Process.Pid)
	server = b.cpu() - server
	var res r1.Result
	if err := b.store.GetJSON(ctx, path.Join(prefix, r1.ResultFile), &res); err != nil {
		return m, err
	}
	var lines bytes.Buffer
	if _, err := stream.Read(ctx, b.store, path.Join(prefix, r1.MetricsDir), 0, &lines); err != nil {
		return m, err
	}
	said, err := os.ReadFile(dir + ".log")
	if err != nil {
		return m, err
	}
	m.checkpoints = strings.Count(string(said), "checkpoint stored")
	if res.Checkpoint != nil {
		for _, f := range res.Checkpoint.Files {
			m.bytes += f.Size
		}
	}
	err = m.read(lines.Bytes())
	m.cpu = res.Usage.CPUSeconds
	// The agent has waited for trainer and verifier, so its own numbers hold theirs.
	m.all = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() + server
	return m, err
}

// cpu is what the S3 server took so far.
func (b *bench) cpu() float64 {
	s, err := procstat.Read(b.s3.Process.Pid)
	if err != nil {
		return 0
	}
	return s.CPU.Seconds()
}

// verifier starts the verifier service. The function ends it and says how many
// CPU seconds it took.
func (b *bench) verifier(at seat) (address string, end func() float64, err error) {
	cmd := exec.Command(b.options.binary, "verifier")
	cmd.Env = childenv.Clean()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start the verifier: %w", err)
	}
	at.join(cmd.Process.Pid)
	end = func() float64 {
		at.leave(cmd.Process.Pid)
		_ = stdin.Close()
		_ = cmd.Wait()
		return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var said struct {
		URL string `json:"url"`
	}
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil {
		end()
		return "", nil, fmt.Errorf("hear where the verifier listens: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return said.URL, end, nil
}

func key(j job, n int) r1.AttemptKey {
	return r1.JobKey{Run: fmt.Sprintf("bench-%s-%d", j.name, n), Stage: j.planned.Stage, Job: j.planned.Name}.Attempt(1)
}

// logged runs a command with its output in a file, the end of which an error quotes. One that
// is called off ends its own children.
func logged(cmd *exec.Cmd, file string, at seat) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error {
		at.leave(cmd.Process.Pid)
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	cmd.WaitDelay = time.Minute
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	at.join(cmd.Process.Pid)
	err = cmd.Wait()
	at.leave(cmd.Process.Pid)
	if err != nil {
		said, _ := os.ReadFile(file)
		return fmt.Errorf("%s: %w: …%s", filepath.Base(cmd.Path), err, said[max(0, len(said)-2000):])
	}
	return nil
}

// read takes what the lines of metrics say.
func (m *measurement) read(raw []byte) error {
	for line := range bytes.Lines(raw) {
		var l r1.MetricsLine
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
		m.steps = max(m.steps, l.Step)
		switch l.Type {
		case "start":
			m.first = l.Time
		case "summary":
			m.last = l.Time
		}
	}
	if m.first.IsZero() || m.last.IsZero() {
		return errors.New("the metrics lack their first line or the summary")
	}
	return nil
}

// time says how much of its training it had the machine.
func (m *measurement) time(at seat) { m.train = at.had(m.first, m.last).Seconds() }
