package child_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/child"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
)

func TestHowItEnded(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -9 $$": 137, "kill -15 $$": 143} {
		c, err := child.Start(exec.Command("sh", "-c", script))
		if err != nil {
			t.Fatal(err)
		}
		<-c.Done
		if c.Code != want || (c.Err == nil) != (want == 0) || c.Usage == nil {
			t.Errorf("%s: code %d, %v, usage %v; want %d", script, c.Code, c.Err, c.Usage, want)
		}
		c.Signal(syscall.SIGKILL) // of one that is gone it is nothing
	}
	if _, err := child.Start(exec.Command("/no/such/program")); err == nil {
		t.Error("started what is not there")
	}
}

// However the child ends, what it leaves in its group ends with it.
func TestTheGroupEndsWithIt(t *testing.T) {
	for name, end := range map[string]func(c *child.Child){
		"by itself": func(*child.Child) {},
		"killed":    func(c *child.Child) { c.Kill() },
	} {
		script := "trap '' TERM; sleep 60 & echo $!"
		if name == "killed" {
			script += "; wait"
		}
		cmd := exec.Command("sh", "-c", script)
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout = in
		c, err := child.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		_ = in.Close()
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		end(c)
		<-c.Done
		for range 500 { // it is killed by now, and dies when the kernel gets to it
			if !lives(pid) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if lives(pid) {
			t.Errorf("%s: its child %d lives", name, pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func lives(pid int) bool {
	st, err := procstat.Read(pid)
	return err == nil && !st.Zombie
}
