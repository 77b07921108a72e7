package statedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Host is where everything embedded listens: nothing of it is meant for a network.
const Host = "127.0.0.1"

// Ports are chosen once and kept: trainers outlive the server, and come back to
// the same S3 address after it restarted.
type Ports struct {
	Temporal     int `json:"temporal"`
	TemporalHTTP int `json:"temporal_http"`
	UI           int `json:"ui"`
	S3           int `json:"s3"`
	Report       int `json:"report"`
}

// Address is host:port on the loopback interface.
func Address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

func (d Dir) portsFile() string { return d.file("ports.json") }

// Ports gives the kept ports, or chooses free ones and keeps them. Only the
// holder of ServerLock may call it.
func (d Dir) Ports() (Ports, error) {
	var p Ports
	err := ReadJSON(d.portsFile(), &p)
	if err == nil && (p.Temporal == 0 || p.TemporalHTTP == 0 || p.UI == 0 || p.S3 == 0) {
		err = errors.New("a port is missing")
	}
	if err == nil && p.Report == 0 { // kept by a version that served no reports
		free, err := freePorts(1, p.Temporal, p.TemporalHTTP, p.UI, p.S3)
		if err != nil {
			return Ports{}, fmt.Errorf("choose a port for reports: %w", err)
		}
		p.Report = free[0]
		return p, WriteJSON(d.portsFile(), p)
	}
	if err == nil {
		return p, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Ports{}, &r1.Error{
			Name:   "ports-file-invalid",
			Detail: fmt.Sprintf("cannot read the ports kept in %s", d.portsFile()),
			Remedy: fmt.Sprintf("delete %s to choose new ports", d.portsFile()),
			Err:    err,
		}
	}
	free, err := freePorts(5)
	if err != nil {
		return Ports{}, fmt.Errorf("choose ports: %w", err)
	}
	p = Ports{Temporal: free[0], TemporalHTTP: free[1], UI: free[2], S3: free[3], Report: free[4]}
	return p, WriteJSON(d.portsFile(), p)
}

// CheckPorts fails with port-in-use when another process listens on a kept
// port. It waits a little for one that is just being closed.
func (d Dir) CheckPorts(ctx context.Context, p Ports, patience time.Duration) error {
	uses := []struct {
		name string
		port int
	}{{"Temporal", p.Temporal}, {"Temporal over HTTP", p.TemporalHTTP}, {"the web UI", p.UI}, {"S3", p.S3}, {"reports", p.Report}}
	deadline := time.Now().Add(patience)
	for _, use := range uses {
		for {
			err := listenable(use.port)
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
				return &r1.Error{
					Name:   "port-in-use",
					Detail: fmt.Sprintf("port %d, kept in %s for %s, is used by another process", use.port, d.portsFile(), use.name),
					Remedy: fmt.Sprintf("stop that process (see it with: ss -ltnp 'sport = :%d'), or put a free port into %s; running attempts know only the old S3 port", use.port, d.portsFile()),
					Err:    err,
				}
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// freePorts finds n different free ports below the range from which the kernel
// gives ports to outgoing connections, where a kept port would sooner or later be
// taken. Those taken are not among them.
func freePorts(n int, taken ...int) ([]int, error) {
	hi := ephemeralLow()
	lo := max(1024, hi-12000)
	if hi-lo < 100 {
		return nil, fmt.Errorf("no ports to choose from below the ephemeral range, which starts at %d", hi)
	}
	var free []int
	for range 10000 {
		port := lo + rand.IntN(hi-lo)
		if slices.Contains(taken, port) || listenable(port) != nil {
			continue
		}
		taken = append(taken, port)
		if free = append(free, port); len(free) == n {
			return free, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, lo, hi)
}

func ephemeralLow() int {
	const usual = 32768
	raw, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return usual
	}
	fields := strings.Fields(string(raw))
	if len(fields) == 0 {
		return usual
	}
	low, err := strconv.Atoi(fields[0])
	if err != nil {
		return usual
	}
	if low < 2048 { // the whole range is ephemeral; any choice is as good
		return usual
	}
	return low
}

func listenable(port int) error {
	l, err := net.Listen("tcp4", Address(port))
	if err != nil {
		return err
	}
	return l.Close()
}
