package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// workDir is the work folder inside; /tmp is another name for it.
const workDir = "/w"

// root is what a program sees beside its work folder.
type root struct {
	python   string   // path of the interpreter
	binds    []string // files and folders of the host, read-only, at the same path
	masks    []string // folders below them that look empty
	links    [][2]string
	compiler string // path of the C++ compiler, or ""
}

// asPython asks an interpreter where its parts are.
const asPython = `import json, sys, sysconfig
print(json.dumps({"exe": sys.executable, "roots": sorted({sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}),
                  "lib": sysconfig.get_path("stdlib"), "dyn": sysconfig.get_path("platstdlib"),
                  "packages": sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})}))`

// findRoot collects what an interpreter and a compiler need, where there are any.
func findRoot(ctx context.Context, python string, packages bool) (root, error) {
	r := root{python: python}
	if r.python == "" {
		r.python = "/usr/bin/python3"
	}
	if err := r.addPython(ctx, packages); err != nil {
		return r, err
	}
	for _, dir := range []string{"/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/libexec/gcc"} {
		r.add(dir)
	}
	for _, file := range []string{"/etc/ld.so.cache", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"} {
		r.add(file)
	}
	if path := "/usr/bin/g++"; exists(path) {
		r.compiler = path
		r.add("/usr/include")
		for _, name := range []string{"g++", "as", "ld"} {
			r.addCommand("/usr/bin/" + name)
		}
	}
	r.masks = append(r.masks, "/usr/lib/python3/dist-packages") // slows each start, and is no part of the language
	slices.Sort(r.masks)
	r.masks = slices.DeleteFunc(slices.Compact(r.masks), func(dir string) bool { return !exists(dir) || !r.shows(dir) })
	return r, nil
}

func (r *root) addPython(ctx context.Context, packages bool) error {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, r.python, "-I", "-c", asPython)
	cmd.Env = []string{} // a secret has no business there
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ask %s where its parts are: %w", r.python, err)
	}
	var at struct {
		Exe, Lib, Dyn   string
		Roots, Packages []string
	}
	if err := json.Unmarshal(out, &at); err != nil {
		return fmt.Errorf("ask %s where its parts are: %w", r.python, err)
	}
	r.python = at.Exe
	r.addCommand(at.Exe)
	for _, dir := range at.Roots {
		if dir != "/" && dir != "/usr" && dir != "/usr/local" {
			r.add(dir)
		}
	}
	r.add(at.Lib)
	r.add(at.Dyn)
	if packages {
		return nil
	}
	r.masks = append(r.masks, filepath.Join(at.Lib, "site-packages"), filepath.Join(at.Dyn, "site-packages"))
	r.masks = append(r.masks, at.Packages...)
	return nil
}

// addCommand adds a file and the links that lead to it.
func (r *root) addCommand(path string) {
	for range 8 {
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		r.links = append(r.links, [2]string{path, target})
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	r.add(path)
}

// add makes a path of the host visible, unless a folder above it already is.
func (r *root) add(path string) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return
	case info.Mode()&os.ModeSymlink != 0: // as /lib is where it belongs to /usr
		if target, err := os.Readlink(path); err == nil {
			r.links = append(r.links, [2]string{path, target})
		}
		return
	}
	if r.shows(path) {
		return
	}
	r.binds = slices.DeleteFunc(r.binds, func(have string) bool { return strings.HasPrefix(have, path+"/") })
	r.binds = append(r.binds, path)
}

// shows says that a path is visible.
func (r *root) shows(path string) bool {
	return slices.ContainsFunc(r.binds, func(have string) bool { return path == have || strings.HasPrefix(path, have+"/") })
}

// linked are the links that no visible folder already holds.
func (r *root) linked() [][2]string {
	var out [][2]string
	for _, l := range r.links {
		if !r.shows(l[0]) && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if slices.ContainsFunc(r.binds, func(dir string) bool { return strings.HasPrefix(dir, "/tmp/") }) {
		return out // TMPDIR has to do
	}
	return append(out, [2]string{"/tmp", workDir})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// environment is all that a program finds in its environment. Hashes are the
// same in each run, so that the order of a set is, and numbers of any length
// can be printed, as before Python 3.11.
func environment() []string {
	return []string{
		"PATH=/usr/bin:/bin", "HOME=" + workDir, "TMPDIR=" + workDir, "LANG=C.UTF-8",
		"PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "PYTHONINTMAXSTRDIGITS=0", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1",
	}
}
