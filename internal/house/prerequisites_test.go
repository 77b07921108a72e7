package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// whole is a machine that has all that building and running needs.
func whole() map[string]string {
	return map[string]string{
		"git": "exit 0", "make": "exit 0", "curl": "exit 0",
		"go":      "case \"$2\" in GOVERSION) echo go1.24.1;; *) echo auto;; esac",
		"python3": python("3.11.2", "exit 0"),
		"df":      "echo head; echo /dev/x 0 0 90000000 0% /",
	}
}

func python(version, rest string) string {
	return "case \"$2\" in *version_info*) echo " + version + ";; *) " + rest + ";; esac"
}

// prerequisites runs the script with a PATH that holds what the machine has and
// nothing else. A program without a body is not there.
func prerequisites(t *testing.T, machine map[string]string, args ...string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	for _, tool := range []string{"bash", "env", "dirname", "awk", "id", "sort", "head", "printf", "uname", "df", "cat"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for tool, body := range machine {
		path := filepath.Join(bin, tool)
		_ = os.Remove(path)
		if body == "" {
			continue
		}
		if err := os.WriteFile(path, []byte("#!"+filepath.Join(bin, "bash")+"\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(root, "scripts", "prerequisites.sh"), args...)
	// The last folder is the one the script adds itself; here it must not find this machine's Go.
	cmd.Env = []string{"PATH=" + bin, "HOME=" + t.TempDir(), "R1CTL_GO_ROOT=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestPrerequisites(t *testing.T) {
	for name, c := range map[string]struct {
		program, body string // in place of the whole machine's; no body: it is not there
		says          []string
	}{
		"nothing is missing":    {"", "", nil}, // a browser is not: only tests need one
		"no git":                {"git", "", []string{"git", "apt-get install -y git"}},
		"no make":               {"make", "", []string{"make", "apt-get install -y make"}},
		"no go":                 {"go", "", []string{"go (any from 1.21 on)", "https://go.dev/dl/go1.", "tar -C /usr/local"}},
		"go is too old":         {"go", "echo go1.19.8", []string{"go is 1.19.8", "https://go.dev/dl/go1."}},
		"go may not fetch":      {"go", "case \"$2\" in GOVERSION) echo go1.22.2;; *) echo local;; esac", []string{"GOTOOLCHAIN=local", "go env -w GOTOOLCHAIN=auto"}},
		"no python":             {"python3", "", []string{"python3 (3.11 or newer)", "apt-get install -y python3 python3-venv"}},
		"python is too old":     {"python3", python("3.10.2", "exit 0"), []string{"python3 is 3.10.2", "apt-get install -y python3.11 python3.11-venv"}},
		"no venv":               {"python3", python("3.11.2", "exit 1"), []string{"python3-venv", "apt-get install -y python3-venv"}},
		"the disk is too small": {"df", "echo head; echo /dev/x 0 0 3000000 0% /", []string{"disk space: 3 GB free", "XDG_CACHE_HOME"}},
	} {
		t.Run(name, func(t *testing.T) {
			machine := whole()
			if c.program != "" {
				machine[c.program] = c.body
			}
			out, err := prerequisites(t, machine)
			if (err == nil) != (c.says == nil) {
				t.Fatalf("exit: %v\n%s", err, out)
			}
			for _, s := range c.says {
				if !strings.Contains(out, s) {
					t.Errorf("it does not say %q:\n%s", s, out)
				}
			}
			if n := strings.Count(out, "install: "); n > 1 {
				t.Errorf("it finds %d things missing, want one:\n%s", n, out)
			}
		})
	}
}

// Pages are tested in a real browser; nobody needs one to build or to run.
func TestPrerequisitesOfTests(t *testing.T) {
	if out, err := prerequisites(t, whole(), "--tests"); err == nil || !strings.Contains(out, "a browser") || !strings.Contains(out, "apt-get install -y chromium") {
		t.Errorf("no browser: %v\n%s", err, out)
	}
	for _, browser := range []string{"chromium", "google-chrome"} {
		machine := whole()
		machine[browser] = "exit 0"
		if out, err := prerequisites(t, machine, "--tests"); err != nil {
			t.Errorf("%s: %v\n%s", browser, err, out)
		}
	}
}
