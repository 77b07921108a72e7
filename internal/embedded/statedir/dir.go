package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// Version is the layout this program reads and writes.
const Version = 1

// Dir is a state directory.
type Dir struct{ path string }

// At names a state directory without looking at it.
func At(path string) (Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Dir{}, fmt.Errorf("state directory %s: %w", path, err)
	}
	return Dir{path: abs}, nil
}

// Open creates the state directory where it is missing, and refuses one that a
// newer version wrote or that belongs to something else.
func Open(path string) (Dir, error) {
	d, err := At(path)
	if err != nil {
		return Dir{}, err
	}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return Dir{}, unusable(d.path, err)
	}
	if err := d.checkVersion(); err != nil {
		return Dir{}, err
	}
	// The directory holds credentials and, in Temporal's file, every parameter of every run.
	if err := os.Chmod(d.path, 0o700); err != nil {
		return Dir{}, unusable(d.path, err)
	}
	for _, sub := range []string{d.LogDir(), d.DatabaseDir(), d.ObjectDir()} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return Dir{}, unusable(d.path, err)
		}
	}
	return d, nil
}

func (d Dir) checkVersion() error {
	file := d.file("version")
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.refuseForeign(); err != nil {
			return err
		}
		if err := wholefile.Replace(file, []byte(strconv.Itoa(Version)+"\n"), 0o600); err != nil {
			return unusable(d.path, err)
		}
		return nil
	}
	if err != nil {
		return unusable(d.path, err)
	}
	have, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return &r1.Error{
			Name:   "state-dir-invalid",
			Detail: fmt.Sprintf("%s does not hold a version number", file),
			Remedy: fmt.Sprintf("if %s was made by this version of r1ctl, write %d into that file; otherwise choose another directory with --state-dir", d.path, Version),
		}
	}
	if have > Version {
		return &r1.Error{
			Name:   "state-dir-newer",
			Detail: fmt.Sprintf("state directory %s has layout version %d; this r1ctl knows up to %d", d.path, have, Version),
			Remedy: "use the newer r1ctl that wrote it, or another directory with --state-dir",
		}
	}
	return nil
}

// refuseForeign keeps us from taking over, and closing to others, a directory
// such as somebody's home.
func (d Dir) refuseForeign() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return unusable(d.path, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), wholefile.Aside) || e.Name() == "lost+found" {
			continue
		}
		return &r1.Error{
			Name:   "state-dir-foreign",
			Detail: fmt.Sprintf("%s is not empty and is not a state directory of r1ctl (found %s, and no file named version)", d.path, e.Name()),
			Remedy: "choose an empty or new directory with --state-dir",
		}
	}
	return nil
}

func unusable(path string, err error) error {
	return &r1.Error{
		Name:   "state-dir-unusable",
		Detail: fmt.Sprintf("cannot use state directory %s", path),
		Remedy: "make it readable and writable for this user, or choose another directory with --state-dir",
		Err:    err,
	}
}

func (d Dir) file(name string) string { return filepath.Join(d.path, name) }

// Path is the directory itself, absolute.
func (d Dir) Path() string { return d.path }

// LogDir holds the log files.
func (d Dir) LogDir() string { return d.file("logs") }

// DatabaseDir holds Temporal's database, one file a schema.
func (d Dir) DatabaseDir() string { return d.file("db") }

// ObjectDir is the root of the S3 server: one folder a bucket, one file an object.
func (d Dir) ObjectDir() string { return d.file("s3") }

// ServerLock is held by the server as long as it lives.
func (d Dir) ServerLock() string { return d.file("server.lock") }

// S3Lock is held by the S3 server as long as it lives.
func (d Dir) S3Lock() string { return d.file("s3.lock") }

// SpawnLock is held by the one client that starts a server.
func (d Dir) SpawnLock() string { return d.file("spawn.lock") }

// ServerFile describes the server that is ready; it is absent before and after.
func (d Dir) ServerFile() string { return d.file("server.json") }

// ErrorFile says why the last server ended, if it ended with an error.
func (d Dir) ErrorFile() string { return d.file("server.error.json") }

// LeaseFile is touched by clients that want the server to stay.
func (d Dir) LeaseFile() string { return d.file("client.lease") }
