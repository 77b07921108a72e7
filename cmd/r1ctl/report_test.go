package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReportRefusesWhatItCannotDo(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"two runs":                {[]string{"report", "a", "b"}, exitUsage, "usage: r1ctl report [RUN]"},
		"an address without port": {[]string{"report", "a", "--serve=localhost"}, exitUsage, "expected HOST:PORT"},
		"serve and write":         {[]string{"report", "a", "--serve", "-f", "x.html"}, exitUsage, "--serve writes nothing"},
		"serve as data":           {[]string{"report", "a", "--serve", "-o", "json"}, exitUsage, "--serve writes nothing"},
		"all addresses":           {[]string{"report", "a", "--serve=0.0.0.0:8080"}, exitError, "[listen-not-loopback]"},
		"any name":                {[]string{"report", "a", "--serve=example.com:8080"}, exitError, "ssh -L"},
		"no host is all hosts":    {[]string{"report", "a", "--serve=:8080"}, exitError, "[listen-not-loopback]"},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			t.Setenv("R1CTL_STATE_DIR", state)
			out, errs, code := call(t, c.args...)
			if code != c.code || out != "" || !strings.Contains(errs, c.want) {
				t.Errorf("code %d, stdout %q, stderr %q", code, out, errs)
			}
			if _, err := os.Stat(state); err == nil {
				t.Error("an engine was started")
			}
		})
	}
}

func TestLoopbackAddressesMayBeServed(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "localhost:8080", "[::1]:80", "127.3.2.1:99"} {
		if err := checkLoopback(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAReportIsWrittenWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r.html")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, err := writeWhole(file, func(w io.Writer) error { fmt.Fprint(w, "half"); return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(file); string(raw) != "old" {
		t.Errorf("a failed report left %q", raw)
	}
	size, err := writeWhole(file, func(w io.Writer) error { _, err := fmt.Fprint(w, "whole"); return err })
	if raw, _ := os.ReadFile(file); err != nil || size != 5 || string(raw) != "whole" {
		t.Errorf("%d bytes, %q, %v", size, raw, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
