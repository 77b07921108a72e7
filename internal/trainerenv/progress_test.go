package trainerenv

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestParser(t *testing.T) {
	lock := "# a comment\ntorch==2 --hash=sha256:1\ntyping-extensions==4 \\\n    --hash=sha256:2\nwin==1 ; sys_platform == 'win32' --hash=sha256:3\n"
	p := newParser([]byte(lock))
	var got []string
	for line := range strings.Lines(`Looking in links: /somewhere
Ignoring win: markers 'sys_platform == "win32"' don't match your environment
Collecting torch==2 (from -r requirements.lock (line 2))
  Downloading torch-2-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (30 kB)
  Downloading torch-2-cp311-cp311-manylinux_2_28_x86_64.whl (539.1 MB)
Processing /wheels/typing_extensions-4-py3-none-any.whl (from -r requirements.lock (line 3))
WARNING: something odd
Installing collected packages: typing-extensions, torch
  Attempting uninstall: typing-extensions
    Found existing installation: typing-extensions 3
Successfully installed torch-2 typing-extensions-4
`) {
		if ev, ok := p.line(strings.TrimRight(line, "\n")); ok {
			got = append(got, ev.String())
		}
	}
	want := []string{
		"[1/2] torch",
		"[1/2] downloading torch, 539 MB",
		"[2/2] typing_extensions (have it)",
		"WARNING: something odd",
		"[1/2] unpacking typing-extensions",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := p.installed(1).String(); got != "[2/2] unpacking torch" {
		t.Errorf("after one package: %q", got)
	}
	if got := p.installed(2).String(); got != "[2/2] unpacking" {
		t.Errorf("after all packages: %q", got)
	}
}

func TestExplain(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"hash":    {"ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "package-hash-mismatch"},
		"disk":    {"ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk-full"},
		"network": {"WARNING: Retrying (Retry(total=0))\nERROR: No matching distribution found for torch==2", "package-network"},
		"missing": {"ERROR: No matching distribution found for torch==2", "package-missing"},
		"other":   {"ERROR: the sky is falling\n[notice] update", "trainer-setup-failed"},
		"silent":  {"", "trainer-setup-failed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &builder{space: spaceCheck{free: func(string) (uint64, error) { return 0, nil }}}
			err := b.explain(strings.Split(c.output, "\n"), &runner{log: "/x.log"}, errors.New("exit status 1"))
			if e, ok := r1.AsError(err); !ok || e.Name != c.want {
				t.Errorf("error = %#v, want %s", err, c.want)
			}
		})
	}
	b := &builder{}
	if got := b.explain([]string{"ERROR: the sky is falling", "done"}, &runner{}, nil).Error(); !strings.Contains(got, "the sky is falling") {
		t.Errorf("the cause is lost: %s", got)
	}
}
