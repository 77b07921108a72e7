package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// memoryWanted is free memory below which several trainers at once get tight.
const memoryWanted = 3 << 30

func (d Deps) cores(context.Context) (string, error) {
	return fmt.Sprintf("%d usable", d.Host.Cores()), nil
}

func (d Deps) memory(context.Context) (string, error) {
	total, free, err := d.Host.Memory()
	if err != nil {
		return "", fmt.Errorf("read the memory's size: %w", err)
	}
	detail := fmt.Sprintf("%s free of %s", gib(free), gib(total))
	if free < memoryWanted {
		return "", Warning(detail+", "+gib(memoryWanted)+" wanted", "end other programs, or run fewer jobs side by side (site.slots)")
	}
	return detail, nil
}

func (d Deps) space(s Space) (string, error) {
	free, err := d.Host.Free(s.Path)
	if err != nil {
		return "", fmt.Errorf("read the free space of %s: %w", s.Path, err)
	}
	if free < s.Need {
		return "", &r1.Error{Name: "disk-full",
			Detail: fmt.Sprintf("%s free in %s, %s needed", gib(free), s.Path, gib(s.Need)),
			Remedy: "free some space (df -h " + s.Path + "), or put the folder on a larger disk"}
	}
	return fmt.Sprintf("%s free in %s", gib(free), s.Path), nil
}

func (d Deps) port(ctx context.Context, address string) (string, error) {
	err := d.Host.Listen(ctx, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		return "", &r1.Error{Name: "port-in-use", Detail: address + " is taken by another program",
			Remedy: "end it (ss -ltnp 'sport = :" + port + "' names it), or choose another port"}
	}
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", address, err)
	}
	return "free", nil
}

func gib(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

// System is the machine we run on.
type System struct{}

// Cores are the ones a container's limit lets us use.
func (System) Cores() int { return runtime.GOMAXPROCS(0) }

// Memory reads the kernel's figures and the container's limit.
func (System) Memory() (total, free uint64, err error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		fields := strings.Fields(sc.Text())
		if len(fields) < 2 {
			continue
		}
		kib, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			free = kib << 10
		}
	}
	if err := sc.Err(); err != nil {
		return 0, 0, err
	}
	limit, limited := cgroupBytes("memory.max")
	used, known := cgroupBytes("memory.current")
	if limited && known && limit < total {
		total = limit
		free = min(free, limit-min(used, limit))
	}
	return total, free, nil
}

// cgroupBytes reads a figure of the container we are in, as it sees itself.
func cgroupBytes(name string) (uint64, bool) {
	raw, err := os.ReadFile("/sys/fs/cgroup/" + name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64)
	return n, err == nil
}

// Free asks the nearest folder above path that exists.
func (System) Free(path string) (uint64, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	for {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		if err == nil {
			return st.Bavail * uint64(st.Bsize), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return 0, err
		}
		path = filepath.Dir(path)
	}
}

// Listen tries to listen.
func (System) Listen(ctx context.Context, address string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}
