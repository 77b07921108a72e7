package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// machine is a scripted Host.
type machine struct {
	free, disk uint64
	listen     error
}

func (m machine) Cores() int                           { return 4 }
func (m machine) Memory() (uint64, uint64, error)      { return 16 << 30, m.free, nil }
func (m machine) Free(string) (uint64, error)          { return m.disk, nil }
func (m machine) Listen(context.Context, string) error { return m.listen }
func found(detail string, err error) Probe {
	return func(context.Context) (string, error) { return detail, err }
}
func byName(t *testing.T, cs []Check, name string) Check {
	t.Helper()
	for _, c := range cs {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %v", name, cs)
	return Check{}
}

func TestProbes(t *testing.T) {
	for name, c := range map[string]struct {
		probe Probe
		want  Check
	}{
		"fine":       {found("3.11.7", nil), Check{Status: OK, Detail: "3.11.7"}},
		"user error": {found("", fmt.Errorf("look: %w", &r1.Error{Name: "python-missing", Detail: "no Python", Remedy: "install it"})), Check{Status: Fail, Detail: "look: no Python", Remedy: "install it"}},
		"warning":    {found("", Warning("not built yet", "r1ctl setup")), Check{Status: Warn, Detail: "not built yet", Remedy: "r1ctl setup"}},
		"other":      {found("", errors.New("odd")), Check{Status: Fail, Detail: "odd"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Name = "python"
			checks := Run(t.Context(), Deps{Python: c.probe, Host: machine{free: 8 << 30}})
			if got := byName(t, checks, "python"); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if got := Worst(checks); got != c.want.Status {
				t.Errorf("worst = %s, want %s", got, c.want.Status)
			}
		})
	}
}

func TestChecksComeInOrderAndOnlyWhatIsThere(t *testing.T) {
	checks := Run(t.Context(), Deps{
		Temporal: found("up", nil), Python: found("3.12.1", nil), Host: machine{free: 8 << 30},
		Space: []Space{{For: "state", Path: "/x"}}, Listen: []string{"127.0.0.1:7233"},
	})
	var names []string
	for _, c := range checks {
		names = append(names, c.Name)
	}
	want := "cores, memory, disk space: state, python, port 127.0.0.1:7233, temporal"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("checks: %s, want %s", got, want)
	}
}

func TestMachine(t *testing.T) {
	d := Deps{Space: []Space{{For: "state", Path: "/data", Need: 2 << 30}}, Host: machine{free: 1 << 30, disk: 1 << 30}}
	checks := Run(t.Context(), d)
	if c := byName(t, checks, "memory"); c.Status != Warn || c.Remedy == "" {
		t.Errorf("little memory: %+v", c)
	}
	if c := byName(t, checks, "disk space: state"); c.Status != Fail || !strings.Contains(c.Detail, "/data") || !strings.Contains(c.Detail, "2.0 GiB") {
		t.Errorf("little disk: %+v", c)
	}
	if got := Worst(checks); got != Fail {
		t.Errorf("worst = %s, want fail", got)
	}
}

func TestThisMachine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	checks := Run(t.Context(), Deps{
		Space:  []Space{{For: "state", Path: filepath.Join(t.TempDir(), "not", "there", "yet"), Need: 1}},
		Listen: []string{taken, "127.0.0.1:0"},
	})
	if c := byName(t, checks, "port "+taken); c.Status != Fail || !strings.Contains(c.Remedy, "ss -ltnp") {
		t.Errorf("a taken port: %+v", c)
	}
	for _, name := range []string{"cores", "disk space: state", "port 127.0.0.1:0"} {
		if c := byName(t, checks, name); c.Status != OK {
			t.Errorf("%+v", c)
		}
	}
	if c := byName(t, checks, "memory"); c.Status == Fail || !strings.Contains(c.Detail, "GiB free of") {
		t.Errorf("%+v", c)
	}
}
