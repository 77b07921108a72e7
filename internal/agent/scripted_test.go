package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// gateEnv names a folder through which a test and a scripted trainer talk: the
// trainer makes "ready" and waits for "go".
const gateEnv = "R1CTL_TEST_GATE"

// scriptedTrainer keeps (or breaks, as its script says) the job contract
// without training anything.
type scriptedTrainer struct {
	job     r1.JobFile
	metrics *os.File
	term    chan os.Signal
}

// runScripted is what the test binary does as a trainer: args are the script's
// name and the path of job.json.
func runScripted(args []string) int {
	raw, err := os.ReadFile(args[1])
	if err != nil {
		panic(err)
	}
	t := scriptedTrainer{term: make(chan os.Signal, 1)}
	signal.Notify(t.term, syscall.SIGTERM)
	if err := json.Unmarshal(raw, &t.job); err != nil {
		panic(err)
	}
	if t.metrics, err = os.OpenFile(t.job.Metrics, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		panic(err)
	}
	fmt.Println("hello from the trainer")
	return scripts()[args[0]](t)
}

// scripts are the trainers of the tests by name.
func scripts() map[string]func(scriptedTrainer) int {
	return map[string]func(scriptedTrainer) int{
		"succeeds": func(t scriptedTrainer) int {
			t.begin()
			t.steps(t.from()+1, t.from()+3)
			t.fill()
			t.say(r1.MetricsLine{Type: "summary", Step: t.from() + 3, Values: map[string]float64{"accuracy": 0.5}})
			return 0
		},
		"shows what it takes": func(t scriptedTrainer) int {
			time.Sleep(50 * time.Millisecond)
			t.begin()
			worker := exec.Command(os.Args[0], "busy")
			if err := worker.Run(); err != nil {
				panic(err)
			}
			t.steps(1, 1)
			t.say(r1.MetricsLine{Type: "eval", Step: 1, Values: map[string]float64{"pass@1": 0.25}})
			t.say(r1.MetricsLine{Type: "text", Step: 1, Text: map[string]string{"prompt": "2+2=?", "response": strings.Repeat("ü", 1000)}})
			t.ready()
			t.pass()
			t.fill()
			return 0
		},
		"diverges": func(t scriptedTrainer) int {
			t.begin()
			t.steps(1, 1)
			write(t.job.Error, `{"class": "diverged", "type": "NotANumber", "message": "loss is NaN at step 1"}`)
			return 1
		},
		"is stopped by a guard": func(t scriptedTrainer) int {
			t.begin()
			for step := 1; step <= maxWarnings+2; step++ {
				t.steps(step, step)
				t.say(r1.MetricsLine{Type: "warning", Step: step, Guard: "length", Message: strings.Repeat("long ", 1000), Values: map[string]float64{"tokens": 64}})
			}
			write(t.job.Error, `{"class": "diverged", "type": "kl", "message": "the KL has been above 1 for 10 steps; now it is 7", "last_good_step": 8}`)
			return 1
		},
		"crashes": func(t scriptedTrainer) int {
			t.begin()
			fmt.Println("Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nKeyError: 'first'\n\nTraceback (most recent call last):\n  File \"y.py\"\nRuntimeError: second")
			return 1
		},
		"makes nothing": func(t scriptedTrainer) int {
			t.begin()
			t.steps(1, 3)
			return 0
		},
		"saves when asked": func(t scriptedTrainer) int {
			t.begin()
			t.steps(1, 1)
			t.checkpoint(1)
			t.ready()
			<-t.term
			t.steps(2, 2)
			t.checkpoint(2)
			return 143
		},
		"is deaf": func(t scriptedTrainer) int {
			signal.Ignore(syscall.SIGTERM)
			t.begin()
			t.ready()
			select {}
		},
		"waits with checkpoints": func(t scriptedTrainer) int {
			t.begin()
			for step := 1; step <= 3; step++ {
				t.steps(step, step)
				t.checkpoint(step)
			}
			t.ready()
			t.pass()
			t.steps(4, 4)
			t.fill()
			return 0
		},
		"tears a checkpoint": func(t scriptedTrainer) int {
			t.begin()
			t.steps(1, 2)
			t.checkpoint(1)
			t.checkpoint(2)
			write(filepath.Join(t.job.Checkpoints, "step-2", "weights.bin"), "torn")
			t.ready()
			<-t.term
			return 143
		},
		"resumes elsewhere": func(t scriptedTrainer) int {
			t.say(r1.MetricsLine{Type: "resume", Step: 3, Total: 9, Cursor: 96})
			select {}
		},
		"ignores the checkpoint": func(t scriptedTrainer) int {
			t.say(r1.MetricsLine{Type: "start", Step: 0, Total: 9})
			select {}
		},
		"forgets its data": func(t scriptedTrainer) int {
			t.say(r1.MetricsLine{Type: "resume", Step: t.from(), Total: 9})
			select {}
		},
		"resumes from nothing": func(t scriptedTrainer) int {
			t.say(r1.MetricsLine{Type: "resume", Step: 4, Total: 9, Cursor: 128})
			select {}
		},
		"starts elsewhere": func(t scriptedTrainer) int {
			t.say(r1.MetricsLine{Type: "start", Step: 2, Total: 9})
			select {}
		},
		"hangs at exit": func(t scriptedTrainer) int {
			signal.Ignore(syscall.SIGTERM)
			t.begin()
			t.steps(1, 9)
			t.fill()
			t.say(r1.MetricsLine{Type: "summary", Step: 9, Values: map[string]float64{"loss": 1}})
			select {}
		},
		"stalls": func(t scriptedTrainer) int {
			t.begin()
			t.steps(1, 1)
			select {}
		},
		"lets a child escape": func(t scriptedTrainer) int {
			child := exec.Command("sleep", "300")
			child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := child.Start(); err != nil {
				panic(err)
			}
			write(filepath.Join(os.Getenv(gateEnv), "child"), fmt.Sprint(child.Process.Pid))
			return scripts()["succeeds"](t)
		},
		"resumes and idles": func(t scriptedTrainer) int {
			t.begin()
			t.fill()
			return 0
		},
		"asks the verifier": func(t scriptedTrainer) int {
			t.begin()
			resp, err := http.Get(t.job.RewardURL + "/healthz")
			if err != nil {
				panic(err)
			}
			fmt.Println("the verifier says", resp.StatusCode)
			t.steps(t.from()+1, t.from()+1)
			t.fill()
			return 0
		},
		"has a child": func(t scriptedTrainer) int {
			t.begin()
			child := exec.Command("sleep", "300")
			if err := child.Start(); err != nil {
				panic(err)
			}
			write(filepath.Join(os.Getenv(gateEnv), "child"), fmt.Sprint(child.Process.Pid))
			t.steps(1, 1)
			t.checkpoint(1)
			t.ready()
			<-t.term
			return 143
		},
	}
}

func (t scriptedTrainer) from() int {
	if t.job.Resume != nil {
		return t.job.Resume.Step
	}
	return t.job.FromStep
}

// begin writes the first line, and checks what a resuming trainer checks.
func (t scriptedTrainer) begin() {
	line := r1.MetricsLine{Type: "start", Step: t.from(), Total: 9}
	if t.job.Resume != nil {
		line.Type, line.Cursor = "resume", 128
		var marker r1.CompleteMarker
		if there, err := readJSON(filepath.Join(t.job.Resume.Path, r1.CompleteFile), &marker); !there || err != nil || marker.Step != t.job.Resume.Step {
			panic(fmt.Sprintf("checkpoint without a valid marker: %v", err))
		}
		for _, f := range marker.Files {
			if raw, err := os.ReadFile(filepath.Join(t.job.Resume.Path, f.Path)); err != nil || digest(raw) != f.SHA256 {
				panic(fmt.Sprintf("checkpoint file %s is wrong: %v", f.Path, err))
			}
		}
	}
	t.say(line)
}

func (t scriptedTrainer) say(line r1.MetricsLine) {
	line.Time = time.Now()
	raw, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	if _, err := t.metrics.Write(append(raw, '\n')); err != nil {
		panic(err)
	}
}

func (t scriptedTrainer) steps(from, to int) {
	for step := from; step <= to; step++ {
		t.say(r1.MetricsLine{Type: "step", Step: step, Values: map[string]float64{"loss": 1 / float64(step)}})
	}
}

// fill writes every output, and into it what the trainer saw.
func (t scriptedTrainer) fill() {
	for _, o := range t.job.Outputs {
		write(filepath.Join(o.Path, "rows.jsonl"), "{}\n")
		write(filepath.Join(o.Path, "environment"), strings.Join(os.Environ(), "\n"))
		write(filepath.Join(o.Path, "reward_url"), t.job.RewardURL+"\n")
		if o.Type == r1.TypeDataset {
			write(filepath.Join(o.Path, "funnel.json"), `{"in": 3, "kept": 1, "dropped": [{"name": "correct", "reason": "wrong", "rows": 2}]}`)
		}
	}
}

func (t scriptedTrainer) checkpoint(step int) {
	dir := filepath.Join(t.job.Checkpoints, fmt.Sprintf("step-%d", step))
	content := bytes.Repeat([]byte{byte(step)}, 1000)
	write(filepath.Join(dir, "weights.bin"), string(content))
	write(filepath.Join(dir, "COMPLETE.tmp"), fmt.Sprintf(`{"step": %d, "files": [{"path": "weights.bin", "size": 1000, "sha256": %q}]}`, step, digest(content)))
	if err := os.Rename(filepath.Join(dir, "COMPLETE.tmp"), filepath.Join(dir, "COMPLETE")); err != nil {
		panic(err)
	}
}

func (t scriptedTrainer) ready() { write(filepath.Join(os.Getenv(gateEnv), "ready"), "") }

// pass waits for "go".
func (t scriptedTrainer) pass() {
	for {
		if _, err := os.Stat(filepath.Join(os.Getenv(gateEnv), "go")); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func write(file, content string) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		panic(err)
	}
}

// scriptedVerifier announces an address and lives until its input ends, or
// dies when told to.
func scriptedVerifier(script string) int {
	fmt.Println(`{"url": "http://127.0.0.1:1"}`)
	write(filepath.Join(os.Getenv("TMPDIR"), "verifier-environment"), strings.Join(os.Environ(), "\n"))
	if script == "dies" {
		for {
			if _, err := os.Stat(r1.MetricsFile); err == nil {
				return 1
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	_, _ = os.Stdin.Read(make([]byte, 1))
	<-ctx.Done()
	return 0
}
