package launchtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// PlayEnv, when set to 1, tells a test binary to play a script instead of its tests.
const PlayEnv = "R1CTL_LAUNCHTEST_PLAY"

// Script is what a scripted attempt does, in this order.
type Script struct {
	Print string `json:"print,omitempty"` // written to standard output
	// Hold waits for SIGTERM and then exits 143.
	Hold bool `json:"hold,omitempty"`
	// Deaf holds and ignores SIGTERM.
	Deaf bool `json:"deaf,omitempty"`
	// Signal is sent by the program to itself.
	Signal int `json:"signal,omitempty"`
	Exit   int `json:"exit,omitempty"`
}

// startsFile counts the processes that ran a script: each adds a line.
const startsFile = "starts"

// Play runs the script named after --spec in args and returns the exit code.
func Play(args []string) int {
	script, dir, err := load(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scripted attempt:", err)
		return 2
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if err := countStart(dir); err != nil {
		fmt.Fprintln(os.Stderr, "scripted attempt:", err)
		return 2
	}
	fmt.Print(script.Print)
	switch {
	case script.Deaf:
		for {
			<-term
		}
	case script.Hold:
		<-term
		return 143
	case script.Signal != 0:
		_ = syscall.Kill(os.Getpid(), syscall.Signal(script.Signal))
	}
	return script.Exit
}

func load(args []string) (Script, string, error) {
	for i := 0; i+1 < len(args); i++ {
		if args[i] != "--spec" {
			continue
		}
		raw, err := os.ReadFile(args[i+1])
		if err != nil {
			return Script{}, "", err
		}
		var s Script
		return s, filepath.Dir(args[i+1]), json.Unmarshal(raw, &s)
	}
	return Script{}, "", fmt.Errorf("no --spec in %q", args)
}

func countStart(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, startsFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, os.Getpid())
	return err
}
