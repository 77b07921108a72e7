package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
)

type bench struct {
	r1ctl, rclone, aws, dir, doc string
	files, rounds                int
	size                         int64
	ep                           endpoint
	tools                        []tool
}

// A tool moves a folder; prefix is where in the bucket.
type tool struct {
	name string
	up   func(folder, prefix string) []string
	down func(prefix, folder string) []string
}

// A sample is one transfer.
type sample struct {
	seconds, cpu float64
	rss          int64 // bytes
}

func (b *bench) run(ctx context.Context) (err error) {
	if err := errors.Join(os.RemoveAll(b.dir), os.MkdirAll(b.dir, 0o755)); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	stop, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := b.choose(); err != nil {
		return err
	}
	source := filepath.Join(b.dir, "checkpoint")
	if err := b.generate(source); err != nil {
		return err
	}
	r := &results{up: map[string][]sample{}, down: map[string][]sample{}}
	for round := range b.rounds {
		for i := range b.tools {
			t := b.tools[(i+round)%len(b.tools)] // nobody is always first
			if err := b.turn(ctx, t, round, source, r); err != nil {
				return fmt.Errorf("%s, round %d: %w", t.name, round+1, err)
			}
		}
	}
	return b.show(r)
}

// serve starts the embedded engine, and waits for it.
func (b *bench) serve(ctx context.Context) (stop func(), err error) {
	state := filepath.Join(b.dir, "state")
	// The server must not be taken for one that is configured.
	env := append(os.Environ(), "R1CTL_S3_ENDPOINT=", "R1CTL_TEMPORAL_ADDRESS=", "R1CTL_TRAINER_COMMAND=true")
	cmd := exec.CommandContext(ctx, b.r1ctl, "server", "--state-dir", state, "--idle-timeout", "2h")
	cmd.Env, cmd.Stderr = env, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded engine: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		info := exec.CommandContext(ctx, b.r1ctl, "server", "info", "--state-dir", state, "-o", "json")
		info.Env = env
		out, err := info.Output()
		if err != nil {
			continue
		}
		var answer struct {
			State     string `json:"state"`
			Endpoints struct {
				S3Endpoint string `json:"s3_endpoint"`
				S3Region   string `json:"s3_region"`
				Bucket     string `json:"bucket"`
				KeysFile   string `json:"credentials_file"`
			} `json:"endpoints"`
		}
		if err := json.Unmarshal(out, &answer); err != nil || answer.State != "ready" {
			continue
		}
		e := answer.Endpoints
		b.ep = endpoint{URL: e.S3Endpoint, Region: e.S3Region, Bucket: e.Bucket}
		if b.ep.Access, b.ep.Secret, err = keys(e.KeysFile); err != nil {
			stop()
			return nil, err
		}
		for _, pair := range b.ep.env() {
			name, value, _ := strings.Cut(pair, "=")
			if err := os.Setenv(name, value); err != nil {
				return nil, err
			}
		}
		return stop, nil
	}
	stop()
	return nil, errors.New("the embedded engine did not start within a minute")
}

// keys reads an AWS credentials file.
func keys(file string) (access, secret string, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			access = strings.TrimSpace(value)
		case "aws_secret_access_key":
			secret = strings.TrimSpace(value)
		}
	}
	return access, secret, nil
}

// choose finds the tools that are there.
func (b *bench) choose() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.tools = append(b.tools, tool{name: ours,
		up: func(folder, prefix string) []string {
			return []string{self, "-child", "up", "-folder", folder, "-prefix", prefix}
		},
		down: func(prefix, folder string) []string {
			return []string{self, "-child", "down", "-folder", folder, "-prefix", prefix}
		}})
	at := "bench:" + b.ep.Bucket + "/"
	s3 := "s3://" + b.ep.Bucket + "/"
	for _, t := range []struct {
		tool
		program, install string
	}{
		{tool{"rclone",
			func(folder, prefix string) []string { return []string{b.rclone, "copy", folder, at + prefix} },
			func(prefix, folder string) []string { return []string{b.rclone, "copy", at + prefix, folder} },
		}, b.rclone, "go install github.com/rclone/rclone@v1.76.0"},
		{tool{"AWS CLI",
			func(folder, prefix string) []string {
				return []string{b.aws, "s3", "cp", "--recursive", "--quiet", folder, s3 + prefix}
			},
			func(prefix, folder string) []string {
				return []string{b.aws, "s3", "cp", "--recursive", "--quiet", s3 + prefix, folder}
			},
		}, b.aws, "pip install awscli"},
	} {
		if _, err := exec.LookPath(t.program); err != nil {
			fmt.Printf("%s is not installed (%s), and so is left out; install it with: %s\n", t.name, t.program, t.install)
			continue
		}
		b.tools = append(b.tools, t.tool)
	}
	return nil
}

// generate writes files of noise.
func (b *bench) generate(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	x := uint64(1)
	for i := range b.files {
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("model-%05d.safetensors", i)))
		if err != nil {
			return err
		}
		for left := b.size / int64(b.files); left > 0; left -= int64(len(buf)) {
			for j := 0; j < len(buf); j += 8 {
				x ^= x << 13
				x ^= x >> 7
				x ^= x << 17
				for k := range 8 {
					buf[j+k] = byte(x >> (8 * k))
				}
			}
			if _, err := f.Write(buf[:min(left, int64(len(buf)))]); err != nil {
				return errors.Join(err, f.Close())
			}
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// renew changes every file a little, so that no upload finds its bytes in the bucket.
func renew(folder, mark string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return err
	}
	for _, name := range files {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte(fmt.Sprintf("%-64s", mark)), 0)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// turn has one tool move the checkpoint up and down, and checks what came back.
func (b *bench) turn(ctx context.Context, t tool, round int, source string, r *results) error {
	name := strings.ReplaceAll(strings.ToLower(t.name), " ", "-")
	prefix := fmt.Sprintf("bench/%s-%d", name, round)
	target := filepath.Join(b.dir, "down")
	defer os.RemoveAll(target)
	if err := renew(source, prefix); err != nil {
		return err
	}
	up, err := measure(ctx, t.up(source, prefix))
	if err != nil {
		return err
	}
	down, err := measure(ctx, t.down(prefix, target))
	if err != nil {
		return err
	}
	fmt.Printf("round %d  %-8s  up %5.2f s  down %5.2f s  RSS %d / %d MiB\n", round+1, t.name, up.seconds, down.seconds, up.rss>>20, down.rss>>20)
	r.up[t.name], r.down[t.name] = append(r.up[t.name], up), append(r.down[t.name], down)
	if err := equal(source, target); err != nil {
		return err
	}
	s, err := store(ctx)
	if err != nil {
		return err
	}
	if t.name == ours {
		if err := b.again(ctx, s, t, source, prefix, r); err != nil {
			return err
		}
	}
	return remove(ctx, s, "bench")
}

// again publishes the same checkpoint under another name.
func (b *bench) again(ctx context.Context, s *artifact.Store, t tool, source, prefix string, r *results) error {
	second, err := measure(ctx, t.up(source, prefix+"-again"))
	if err != nil {
		return err
	}
	objects, err := s.FilesUnder(ctx, prefix+"-again")
	if err != nil {
		return err
	}
	r.again = append(r.again, second)
	for _, o := range objects {
		if !strings.HasSuffix(o.Key, "/manifest.json") {
			r.moved += o.Size
		}
	}
	return nil
}

// measure runs a tool, on a disk that has nothing to write.
func measure(ctx context.Context, args []string) (sample, error) {
	syscall.Sync()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	s := sample{seconds: time.Since(began).Seconds(), cpu: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.rss = usage.Maxrss << 10
	}
	return s, nil
}

// equal compares two folders, byte by byte.
func equal(a, b string) error {
	files, err := filepath.Glob(filepath.Join(a, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if out, err := exec.Command("cmp", f, filepath.Join(b, filepath.Base(f))).CombinedOutput(); err != nil {
			return fmt.Errorf("what came back differs: %s", out)
		}
	}
	return nil
}

func remove(ctx context.Context, s *artifact.Store, folder string) error {
	objects, err := s.FilesUnder(ctx, folder)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := s.Delete(ctx, o.Key); err != nil {
			return err
		}
	}
	return nil
}

func machine() string {
	return fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

func median(list []sample, of func(sample) float64) float64 {
	v := make([]float64, 0, len(list))
	for _, s := range list {
		v = append(v, of(s))
	}
	slices.Sort(v)
	return v[len(v)/2]
}
