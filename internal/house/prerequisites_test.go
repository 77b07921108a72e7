package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script runs with a PATH that holds what a machine has and nothing else.
func TestPrerequisites(t *testing.T) {
	basics := []string{"bash", "env", "dirname", "awk", "id", "sort", "head", "printf", "uname", "df", "cat"}
	python := func(version, rest string) string {
		return "case \"$2\" in *version_info*) echo " + version + ";; *) " + rest + ";; esac"
	}
	whole := map[string]string{
		"git": "exit 0", "make": "exit 0", "curl": "exit 0",
		"go":      "case \"$2\" in GOVERSION) echo go1.24.1;; *) echo auto;; esac",
		"python3": python("3.11.2", "exit 0"),
		"df":      "echo head; echo /dev/x 0 0 90000000 0% /",
	}
	for name, c := range map[string]struct {
		program, body string // in place of the whole machine's; no body: it is not there
		says          []string
	}{
		"nothing is missing":    {"", "", nil},
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
			bin := t.TempDir()
			for _, tool := range basics {
				path, err := exec.LookPath(tool)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
					t.Fatal(err)
				}
			}
			for tool, body := range whole {
				if tool == c.program {
					body = c.body
				}
				path := filepath.Join(bin, tool)
				_ = os.Remove(path)
				if body == "" {
					continue
				}
				if err := os.WriteFile(path, []byte("#!"+filepath.Join(bin, "bash")+"\n"+body+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(filepath.Join(root, "scripts", "prerequisites.sh"))
			// The last folder is the one the script adds itself; here it must not find this machine's Go.
			cmd.Env = []string{"PATH=" + bin, "HOME=" + t.TempDir(), "R1CTL_GO_ROOT=" + t.TempDir()}
			out, err := cmd.CombinedOutput()
			if (err == nil) != (c.says == nil) {
				t.Fatalf("exit: %v\n%s", err, out)
			}
			for _, s := range c.says {
				if !strings.Contains(string(out), s) {
					t.Errorf("it does not say %q:\n%s", s, out)
				}
			}
			if n := strings.Count(string(out), "install: "); n > 1 {
				t.Errorf("it finds %d things missing, want one:\n%s", n, out)
			}
		})
	}
}
