package slurm

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// What stands in testdata was recorded with Slurm 22.05.8.
func recorded(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	must(t, err)
	return string(raw)
}

func TestQueueAsRecorded(t *testing.T) {
	jobs, err := parseQueue(recorded(t, "squeue.txt") + "77|a|name|RUNNING|None|n1|2026-11-29T00:01:30\n")
	must(t, err)
	for name, want := range map[string]job{
		"r1-13d7a4d81a34b1f4": {id: "28", state: "CANCELLED", reason: "None", nodes: "n1", start: time.Date(2026, 11, 28, 23, 57, 50, 0, time.UTC)},
		"r1-c945babfae8a3961": {id: "34", state: "CANCELLED", reason: "BeginTime", start: time.Date(2026, 11, 29, 0, 1, 18, 0, time.UTC)},
		"r1-6cffbb0f0ee3f270": {id: "36", state: "OUT_OF_MEMORY", reason: "OutOfMemory", nodes: "n1", start: time.Date(2026, 11, 29, 0, 1, 26, 0, time.UTC)},
		"a|name":              {id: "77", state: "RUNNING", reason: "None", nodes: "n1", start: time.Date(2026, 11, 29, 0, 1, 30, 0, time.UTC)},
	} {
		want.name = name
		if got := jobs[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if two := jobs["r1-8aaf6b4be3984c94"]; len(two) != 2 {
		t.Errorf("two jobs of one name: %+v", two)
	}
	for _, bad := range []string{"squeue: warning\n", "1|x\n"} {
		if _, err := parseQueue(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestDetailsAsRecorded(t *testing.T) {
	at := func(h, m, s int) time.Time { return time.Date(2026, 11, 29, h, m, s, 0, time.UTC) }
	for file, want := range map[string]ending{
		"scontrol-oom.txt":     {state: "OUT_OF_MEMORY", reason: "OutOfMemory", node: "n1", code: -1, start: at(0, 1, 26), end: at(0, 1, 28), limit: 365 * 24 * time.Hour},
		"scontrol-failed.txt":  {state: "FAILED", reason: "NonZeroExitCode", node: "n2", code: 3, start: at(0, 5, 11), end: at(0, 5, 12), limit: 365 * 24 * time.Hour},
		"scontrol-timeout.txt": {state: "TIMEOUT", reason: "TimeLimit", node: "n1", code: 128 + 9, start: time.Date(2026, 11, 28, 23, 59, 50, 0, time.UTC), end: at(0, 1, 13), limit: time.Minute},
	} {
		if got := parseDetails(recorded(t, file)); got != want {
			t.Errorf("%s: %+v, want %+v", file, got, want)
		}
	}
	shaped := "JobId=1 JobName=r1-x JobState=FAILED Reason=None ExitCode=1:0 Comment=JobState=COMPLETED ExitCode=0:0"
	if got := parseDetails(shaped); got.state != "FAILED" || got.code != 1 {
		t.Errorf("a comment is taken for the state: %+v", got)
	}
}

func TestExitCodesAndLimits(t *testing.T) {
	for text, want := range map[string]int{"0:0": 0, "3:0": 3, "0:9": 137, "0:15": 143, "143:0": 143, "0:125": -1, "0:53": -1, "": -1, "x": -1} {
		if got := parseCode(text); got != want {
			t.Errorf("exit code %q is %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]time.Duration{"00:01:00": time.Minute, "1-02:00:30": 26*time.Hour + 30*time.Second, "UNLIMITED": 0, "Partition_Limit": 0, "": 0} {
		if got := parseLimit(text); got != want {
			t.Errorf("time limit %q is %s, want %s", text, got, want)
		}
	}
}

func TestForgottenJobs(t *testing.T) {
	completions := recorded(t, "sacct-completion.txt")
	accounts := "36|r1-x|COMPLETED|0:0|n1|2026-01-01T00:00:00|2026-01-01T00:10:00|01:00:00\n" + // the number was used before
		"36|r1-a|CANCELLED by 1000|0:15|n2|2026-11-29T00:01:26|2026-11-29T00:01:28|01:00:00\n37|r1-b|RUNNING|0:0|n1|2026-11-29T00:01:26|Unknown|UNLIMITED\n"
	if e, found := parseAccounts(accounts, "36", "r1-a"); !found || e.state != "CANCELLED" || e.code != 143 || e.node != "n2" || e.limit != time.Hour {
		t.Errorf("accounting: %+v, %t", e, found)
	}
	if e, found := parseAccounts(accounts, "37", "r1-b"); found {
		t.Errorf("a job that runs was taken for one that has ended: %+v", e)
	}
	if e, found := parseCompletions(completions, "32", "r1-0ed25748a5a50812"); !found || e.state != "NODE_FAIL" || e.node != "n1" || e.code != -1 {
		t.Errorf("completion log: %+v, %t", e, found)
	}
	if e, found := parseCompletions(completions, "32", "r1-of-another-attempt"); found {
		t.Errorf("a number that was used again: %+v", e)
	}
	for text, want := range map[string]bool{
		"sacct: Slurm accounting storage is disabled":                       true,
		"sacct: error: Problem talking to the database: Connection refused": false,
	} {
		if got := keepsNone(errors.New(text)); got != want {
			t.Errorf("%q means that nothing is kept: %t, want %t", text, got, want)
		}
	}
}

func TestAnswersOfSbatch(t *testing.T) {
	for name, c := range map[string]struct {
		answer Answer
		id     string
		known  bool // a definite refusal
	}{
		"a number":              {answer: Answer{Stdout: "123\n"}, id: "123"},
		"of a federation":       {answer: Answer{Stdout: "123;east\n"}, id: "123"},
		"something else":        {answer: Answer{Stdout: "Submitted!\n"}},
		"unknown partition":     {answer: Answer{Code: 1, Stderr: "sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: Invalid partition name specified\n"}, known: true},
		"too many GPUs":         {answer: Answer{Code: 1, Stderr: "sbatch: error: Batch job submission failed: Requested node configuration is not available\n"}, known: true},
		"unknown reservation":   {answer: Answer{Code: 1, Stderr: "sbatch: error: Batch job submission failed: Requested reservation is invalid\n"}, known: true},
		"controller down":       {answer: Answer{Code: 1, Stderr: "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n"}},
		"socket":                {answer: Answer{Code: 1, Stderr: "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n"}},
		"too many jobs":         {answer: Answer{Code: 1, Stderr: "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n"}},
		"what nobody heard of":  {answer: Answer{Code: 1, Stderr: "sbatch: error: something new\n"}},
		"killed without a word": {answer: Answer{Code: 137}},
	} {
		j, err := submitted(c.answer)
		_, named := r1.AsError(err)
		if j.ID != c.id || (err == nil) != (c.id != "") || named != c.known {
			t.Errorf("%s: job %q, %v (refusal: %t); want job %q, refusal: %t", name, j.ID, err, named, c.id, c.known)
		}
	}
}

func TestNodesAsRecorded(t *testing.T) {
	nodes, err := parseNodes(recorded(t, "sinfo.txt") + "big|up|mixed|12|96+|1031000+|gpu:h100:8(S:0-1),shard:h100:16(S:0,1)\nold|down|down*|2|8|1000|(null)\n")
	must(t, err)
	for name, c := range map[string]struct {
		queue Queue
		want  r1.Resources
		fails string
	}{
		"the default":       {want: r1.Resources{GPUs: 2, CPUs: 2, Memory: 4000}},
		"by name":           {queue: Queue{Partition: "big", GRES: "gpu:h100"}, want: r1.Resources{GPUs: 8, CPUs: 96}},
		"of any type":       {queue: Queue{Partition: "big"}, want: r1.Resources{GPUs: 8}},
		"too many GPUs":     {queue: Queue{Partition: "big"}, want: r1.Resources{GPUs: 9}, fails: "slurm-resources"},
		"of another type":   {queue: Queue{Partition: "big", GRES: "gpu:a100"}, want: r1.Resources{GPUs: 1}, fails: "slurm-resources"},
		"too much memory":   {want: r1.Resources{Memory: 5000}, fails: "slurm-resources"},
		"mistyped":          {queue: Queue{Partition: "urgnt"}, fails: "slurm-partition"},
		"a partition down":  {queue: Queue{Partition: "old"}, fails: "slurm-partition"},
		"several":           {queue: Queue{Partition: "train,big"}},
		"in the second one": {queue: Queue{Partition: "train,big"}, want: r1.Resources{GPUs: 8}},
		"several, mistyped": {queue: Queue{Partition: "train,bgi"}, fails: "slurm-partition"},
	} {
		partition, err := checkPartition(nodes, c.queue.Partition)
		if err == nil {
			err = checkNodes(kindsOf(nodes, partition), partition, c.queue, c.want)
		}
		named, _ := r1.AsError(err)
		if (err == nil) != (c.fails == "") || named != nil && (named.Name != c.fails || named.Remedy == "") {
			t.Errorf("%s: %v, want %q", name, err, c.fails)
		}
	}
	if service, all := count(nodes["old"]); service != 0 || all != 2 {
		t.Errorf("%d of %d nodes in service, want 0 of 2", service, all)
	}
}

func TestQuote(t *testing.T) {
	if got := quote(`it's $HOME`); got != `'it'\''s $HOME'` {
		t.Error(got)
	}
	env := strings.Join(plainEnv([]string{"PATH=/bin", "SBATCH_PARTITION=x", "SQUEUE_FORMAT=%i", "SLURM_JOB_ID=1", "SLURM_CONF=/c", "TZ=Asia/Tokyo"}), " ")
	if env != "TZ=UTC LC_ALL=C SLURM_TIME_FORMAT=standard PATH=/bin SLURM_CONF=/c" {
		t.Error(env)
	}
}
