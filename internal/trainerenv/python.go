package trainerenv

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Python is an interpreter that environments can be built with.
type Python struct {
	Executable string
	Version    string // such as "3.11.7"
	minor      int
}

// Minor is the version environments are kept apart by, such as "3.11".
func (p Python) Minor() string { return "3." + strconv.Itoa(p.minor) }

// The versions of Python 3 that requirements.lock is made for (trainer/lock.sh
// says which is the oldest) and its packages have wheels for.
const (
	oldestMinor = 11
	newestMinor = 14
)

// minorsDown lists the versions from the newest to the oldest.
func minorsDown() []string {
	var out []string
	for n := newestMinor; n >= oldestMinor; n-- {
		out = append(out, "3."+strconv.Itoa(n))
	}
	return out
}

// Interpreter is the Python that Ensure would build with.
func Interpreter(ctx context.Context, o Options) (Python, error) { return findPython(ctx, o.Python) }

// findPython looks for an interpreter that fits the lock and can make virtual
// environments: the named one, or else python3 and then python3.N on the PATH.
func findPython(ctx context.Context, name string) (Python, error) {
	names := []string{name}
	if name == "" {
		names = []string{"python3"}
		for _, m := range minorsDown() {
			names = append(names, "python"+m)
		}
	}
	var seen []string // why each candidate will not do
	found, noVenv := false, false
	for _, n := range names {
		path, err := exec.LookPath(n)
		if err != nil {
			continue
		}
		a, err := askPython(ctx, path)
		switch {
		case ctx.Err() != nil:
			return Python{}, ctx.Err()
		case err != nil:
			seen = append(seen, fmt.Sprintf("%s does not run (%v)", n, err))
		case a.Version[0] != 3 || a.Version[1] < oldestMinor || a.Version[1] > newestMinor:
			seen = append(seen, fmt.Sprintf("%s is %s", n, a.version()))
			found = true
		case !a.Venv:
			seen = append(seen, fmt.Sprintf("%s (%s) lacks venv or ensurepip", n, a.version()))
			noVenv = true
		default:
			return Python{Executable: path, Version: a.version(), minor: a.Version[1]}, nil
		}
	}
	if len(seen) == 0 {
		seen = append(seen, strings.Join(names, ", ")+": not found on the PATH")
	}
	detail := strings.Join(seen, "; ")
	if noVenv {
		return Python{}, &r1.Error{Name: "venv-missing",
			Detail: "Python cannot make virtual environments: " + detail,
			Remedy: AptInstall("python3", "python3-venv")}
	}
	packages := []string{"python3", "python3-venv"}
	if found { // the system's own is too old or too new; it may offer another beside it
		packages = []string{"python3." + strconv.Itoa(oldestMinor), "python3." + strconv.Itoa(oldestMinor) + "-venv"}
	}
	return Python{}, &r1.Error{Name: "python-missing",
		Detail: fmt.Sprintf("no Python from 3.%d to 3.%d: %s", oldestMinor, newestMinor, detail),
		Remedy: AptInstall(packages...) + "; or name another interpreter (trainer.python in the settings)"}
}

// AptInstall is the command that installs Debian or Ubuntu packages. Root
// needs no sudo, and in a bare container has none.
func AptInstall(packages ...string) string {
	cmd := "apt-get install -y " + strings.Join(packages, " ")
	if os.Geteuid() != 0 {
		cmd = "sudo " + cmd
	}
	return cmd
}

type answer struct {
	Version []int `json:"version"`
	Venv    bool  `json:"venv"`
}

func (a answer) version() string {
	return fmt.Sprintf("%d.%d.%d", a.Version[0], a.Version[1], a.Version[2])
}

const question = `import json, sys
try:
    import ensurepip, venv
    ok = True
except ImportError:
    ok = False
print(json.dumps({"version": list(sys.version_info[:3]), "venv": ok}))`

func askPython(ctx context.Context, path string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-I", "-c", question)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil || len(a.Version) != 3 {
		return answer{}, fmt.Errorf("it answered %q", strings.TrimSpace(string(out)))
	}
	return a, nil
}
