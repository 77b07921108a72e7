package slurm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/launchtest"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// clusterEnv names the folder of a Slurm that deploy/slurm/up.sh brought up. Without
// it the tests against a real Slurm are left out; make test-clusters sets it.
const clusterEnv = "R1CTL_TEST_SLURM"

// otherEnv makes the test binary another worker's process over a root.
const otherEnv = "R1CTL_TEST_OTHER_ROOT"

func TestMain(m *testing.M) {
	switch {
	case Launched():
		os.Exit(Main(func() int { return launchtest.Play(os.Args) }))
	case os.Getenv(otherEnv) != "":
		l, err := New(config(os.Getenv(clusterEnv), os.Getenv(otherEnv)))
		if err != nil {
			panic(err)
		}
		os.Exit(launchtest.Submit(l))
	}
	os.Exit(m.Run())
}

// cluster is a real Slurm.
type cluster struct{ dir string }

func realCluster(t *testing.T) cluster {
	t.Helper()
	dir := os.Getenv(clusterEnv)
	if dir == "" {
		t.Skip("no Slurm: make test-clusters brings one up")
	}
	return cluster{dir}
}

func config(dir, root string) Config {
	return Config{Root: root, Command: []string{self()}, Exec: Here(filepath.Join(dir, "slurm.conf")), Queue: Queue{Partition: "train"}, Poll: 100 * time.Millisecond}
}

func (c cluster) run(t *testing.T, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := ask(ctx, Here(filepath.Join(c.dir, "slurm.conf")), argv...)
	must(t, err)
	return strings.TrimSpace(a.Stdout)
}

// up starts what has died of the cluster, and waits until it serves.
func (c cluster) up(t *testing.T) {
	t.Helper()
	out, err := exec.Command("../../../deploy/slurm/up.sh", c.dir).CombinedOutput()
	if err != nil {
		t.Errorf("up.sh: %v: %s", err, out)
	}
}

// pid is that of a daemon of the cluster.
func (c cluster) pid(t *testing.T, name string) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.dir, "run", name+".up"))
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	must(t, err)
	if !slices.Contains(procstat.Marked("R1CTL_SLURM_DIR", c.dir), pid) {
		t.Fatalf("%s (pid %d) is not of the cluster in %s", name, pid, c.dir)
	}
	return pid
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open is one more launcher over a root.
func (c cluster) open(t *testing.T, root string) *Launcher {
	t.Helper()
	l, err := New(config(c.dir, root))
	must(t, err)
	return l
}

// job is the number of the job that has the claim of an attempt.
func claimant(t *testing.T, l *Launcher, h r1.Handle) string {
	t.Helper()
	dir, err := l.open(h)
	must(t, err)
	id, err := holder(dir)
	must(t, err)
	return id
}

func TestSuite(t *testing.T) {
	c := realCluster(t)
	if p := os.Getenv(launchtest.PlayEnv); p != "" {
		t.Fatal("play is set for the tests themselves: ", p)
	}
	launchtest.Run(t, func(t *testing.T) launchtest.Factory { return c.factory(t) })
}

func (c cluster) factory(t *testing.T) launchtest.Factory {
	root := filepath.Join(c.dir, "attempts", fmt.Sprintf("%s-%d", strings.ReplaceAll(filepath.Base(t.Name()), " ", "-"), time.Now().UnixNano()))
	l := c.open(t, root)
	return launchtest.Factory{
		Open: func(t *testing.T) r1.Launcher { return c.open(t, root) },
		Other: func(*testing.T) *exec.Cmd {
			cmd := exec.Command(self())
			cmd.Env = append(os.Environ(), otherEnv+"="+root)
			return cmd
		},
		Kill: func(t *testing.T, h r1.Handle) { must(t, syscall.Kill(c.started(t, l, h).PID, syscall.SIGKILL)) },
		Down: func(t *testing.T) func() {
			// One that is killed may forget its newest jobs, which faults_test.go has.
			pid := c.pid(t, "slurmctld")
			must(t, syscall.Kill(pid, syscall.SIGTERM))
			awaitDeath(t, pid) // it answers while it saves its state
			return sync.OnceFunc(func() { c.up(t) })
		},
		Provoke: map[r1.Outcome]func(*testing.T, r1.Handle){
			r1.Preempted:   func(t *testing.T, h r1.Handle) { c.preempt(t, l, h) },
			r1.NodeLost:    func(t *testing.T, h r1.Handle) { c.loseNode(t, l, h) },
			r1.OutOfMemory: func(t *testing.T, h r1.Handle) { c.exhaust(t, l, h) },
			r1.TimedOut: func(t *testing.T, h r1.Handle) {
				c.run(t, "scontrol", "update", "JobId="+claimant(t, l, h), "TimeLimit=1")
			},
		},
		Refusing: func(t *testing.T) r1.Launcher {
			cfg := config(c.dir, root)
			cfg.Queue.Partition = "no-such-partition"
			refusing, err := New(cfg)
			must(t, err)
			return refusing
		},
		Patience: 4 * time.Minute,
	}
}

func (c cluster) started(t *testing.T, l *Launcher, h r1.Handle) startRecord {
	t.Helper()
	dir, err := l.open(h)
	must(t, err)
	for range 200 {
		s, err := read[startRecord](dir, startFile)
		must(t, err)
		if s != nil {
			return *s
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no record of the start")
	return startRecord{}
}

// preempt gives the attempt's node to a job of the partition with priority.
func (c cluster) preempt(t *testing.T, l *Launcher, h r1.Handle) {
	node := c.started(t, l, h).Host
	urgent := c.run(t, "sbatch", "--parsable", "--partition=urgent", "--nodelist="+node, "--exclusive", "--output=/dev/null", "--wrap=sleep 20")
	t.Cleanup(func() { c.run(t, "scancel", urgent) })
}

// loseNode kills the daemon of the attempt's node, and leaves the attempt's process alone.
func (c cluster) loseNode(t *testing.T, l *Launcher, h r1.Handle) {
	must(t, syscall.Kill(c.pid(t, c.started(t, l, h).Host), syscall.SIGKILL))
	t.Cleanup(func() { c.up(t) })
}

// exhaust puts a process into the job's memory group that takes all of it, and then ends the attempt, as
// the kernel would have, had it chosen the other one.
func (c cluster) exhaust(t *testing.T, l *Launcher, h r1.Handle) {
	s := c.started(t, l, h)
	groups, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/memory/slurm*/uid_%d/job_%s/step_batch/cgroup.procs", os.Getuid(), s.Job))
	if len(groups) == 0 { // named by node, or not
		groups, _ = filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/memory/*/uid_%d/job_%s/step_batch/cgroup.procs", os.Getuid(), s.Job))
	}
	if len(groups) == 0 {
		t.Skip("this Slurm does not confine memory by cgroups of version 1")
	}
	hog := exec.Command("sh", "-c", `echo $$ >"$1" && head -c 2000000000 /dev/zero | tail -c 2000000000 >/dev/null`, "sh", groups[0])
	if err := hog.Run(); err == nil {
		t.Fatal("the process that takes all memory was not ended")
	}
	must(t, syscall.Kill(s.PID, syscall.SIGKILL))
}

// self is this test binary, under a name that a node knows too.
func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}
