package slurm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sshInPlace puts a program named ssh on the PATH that does on this machine what the other one would: the
// words after the host are one line for the shell there.
func sshInPlace(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "ssh"), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestWordsArriveOverSSH(t *testing.T) {
	sshInPlace(t, `[ "$5" = -- ] && [ "$6" = login ] && exec sh -c "$7"`)
	awkward := []string{"it's", "$HOME", "a b", "`id`", "", "--format=%A|%j"}
	a, err := SSH("login", "/etc/my slurm.conf")(context.Background(), "from stdin", append([]string{"sh", "-c", `printf '%s\n' "$@" "$SLURM_CONF" "$TZ"; cat; exit 3`, "sh"}, awkward...)...)
	must(t, err)
	if want := strings.Join(append(awkward, "/etc/my slurm.conf", "UTC", "from stdin"), "\n"); a.Stdout != want || a.Code != 3 {
		t.Errorf("arrived: %q, code %d; want %q, code 3", a.Stdout, a.Code, want)
	}
}

// That the other machine cannot be reached is no answer of its command.
func TestSSHFails(t *testing.T) {
	sshInPlace(t, `echo "ssh: connect to host login port 22: Connection refused" >&2; exit 255`)
	if a, err := SSH("login", "")(context.Background(), "", "sbatch"); err == nil || !strings.Contains(err.Error(), "Connection refused") {
		t.Errorf("%+v, %v; want an error", a, err)
	}
}

func TestNoAnswerInTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if a, err := Here("")(ctx, "", "sleep", "30"); err == nil {
		t.Errorf("%+v, want an error", a)
	}
	if _, err := Here("")(context.Background(), "", "/no/such/squeue"); err == nil {
		t.Error("a command that is not there gave an answer")
	}
}
