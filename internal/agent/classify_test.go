package agent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestJudge(t *testing.T) {
	started := &r1.MetricsLine{Type: "start"}
	resumed := &r1.MetricsLine{Type: "resume", Step: 4, Cursor: 64}
	at := func(first *r1.MetricsLine, step, total int) snapshot {
		return snapshot{First: first, Step: step, Total: total}
	}
	line := func(kind string, step int, cursor int64) *r1.MetricsLine {
		return &r1.MetricsLine{Type: kind, Step: step, Cursor: cursor}
	}
	fresh := r1.Spec{ToStep: 9}
	phase := r1.Spec{FromStep: 40, ToStep: 80}
	resuming := r1.Spec{ToStep: 9, Resume: &r1.Checkpoint{Step: 4}}
	atEnd := r1.Spec{Resume: &r1.Checkpoint{Step: 4}}
	trainer := func(class string) *r1.TrainerError { return &r1.TrainerError{Class: class, Type: "E", Message: "m"} }
	for name, tc := range map[string]struct {
		spec    r1.Spec
		e       ending
		outcome r1.Outcome
		class   r1.Class
		name    string
	}{
		"success":                           {fresh, ending{metrics: at(started, 9, 9)}, r1.Succeeded, "", ""},
		"success without known steps":       {r1.Spec{}, ending{}, r1.Succeeded, "", ""},
		"success in spite of SIGTERM":       {fresh, ending{why: stopping, metrics: at(started, 9, 9)}, r1.Succeeded, "", ""},
		"a phase that went on":              {phase, ending{metrics: at(line("start", 40, 0), 80, 80)}, r1.Succeeded, "", ""},
		"a phase that began anew":           {phase, ending{metrics: at(started, 40, 40)}, r1.Failed, r1.ClassProgram, "start-step-mismatch"},
		"no step done":                      {fresh, ending{metrics: at(started, 0, 9)}, r1.Failed, r1.ClassProgram, "nothing-trained"},
		"output missing":                    {fresh, ending{missing: []string{"model"}, metrics: at(started, 9, 9)}, r1.Failed, r1.ClassProgram, "output-missing"},
		"resumed and went on":               {resuming, ending{metrics: at(resumed, 9, 9)}, r1.Succeeded, "", ""},
		"resumed and idle":                  {resuming, ending{metrics: at(resumed, 4, 9)}, r1.Failed, r1.ClassProgram, "nothing-trained"},
		"resumed at the end":                {atEnd, ending{metrics: at(resumed, 4, 4)}, r1.Succeeded, "", ""},
		"started afresh on resume":          {resuming, ending{metrics: at(started, 9, 9)}, r1.Failed, r1.ClassProgram, "resume-ignored"},
		"silent on resume":                  {resuming, ending{metrics: at(nil, 9, 9)}, r1.Failed, r1.ClassProgram, "resume-ignored"},
		"resumed another step":              {resuming, ending{why: badBeginning, code: 137, metrics: at(line("resume", 3, 48), 3, 9)}, r1.Failed, r1.ClassProgram, "resume-step-mismatch"},
		"resumed without the cursor":        {resuming, ending{why: badBeginning, code: 137, metrics: at(line("resume", 4, 0), 4, 9)}, r1.Failed, r1.ClassProgram, "cursor-stalled"},
		"resumed from nothing":              {fresh, ending{why: badBeginning, code: 137, metrics: at(resumed, 4, 9)}, r1.Failed, r1.ClassProgram, "nothing-to-resume"},
		"wrong step, killed for it":         {resuming, ending{why: badBeginning, code: 137, metrics: at(started, 1, 9)}, r1.Failed, r1.ClassProgram, "resume-ignored"},
		"saved on SIGTERM":                  {fresh, ending{why: stopping, code: 143}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"exit 0 on SIGTERM, unfinished":     {fresh, ending{why: stopping, missing: []string{"model"}}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"stopped before it resumed":         {resuming, ending{why: stopping, code: 143}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"killed after the grace":            {fresh, ending{why: stopping, code: 137}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"walltime":                          {fresh, ending{why: walltime, code: 143}, r1.TimedOut, r1.ClassPreempted, "walltime"},
		"met its deadline by itself":        {fresh, ending{code: 143}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"verifier gone":                     {fresh, ending{why: noVerifier, code: 143}, r1.Failed, r1.ClassInfrastructure, "verifier-died"},
		"hung after its summary":            {fresh, ending{why: hungAtExit, code: 137, metrics: at(started, 9, 9)}, r1.Failed, r1.ClassInfrastructure, "trainer-hung"},
		"stalled":                           {fresh, ending{why: stalled, code: 143, metrics: at(started, 5, 9)}, r1.Failed, r1.ClassInfrastructure, "trainer-stalled"},
		"SIGKILL by the kernel":             {fresh, ending{code: 137, oomKills: 1}, r1.OutOfMemory, r1.ClassOOM, "out-of-memory"},
		"a full disk, also for its log":     {fresh, ending{code: 1, diskFull: true}, r1.Failed, r1.ClassInfrastructure, "trainer-disk-full"},
		"SIGKILL by somebody":               {fresh, ending{code: 137}, r1.Failed, r1.ClassInfrastructure, "trainer-killed"},
		"CUDA out of memory":                {fresh, ending{code: 1, reported: trainer("oom")}, r1.OutOfMemory, r1.ClassOOM, "out-of-memory"},
		"CUDA out of memory in the log":     {fresh, ending{code: 1, cause: "torch.OutOfMemoryError: CUDA out of memory. Tried …"}, r1.OutOfMemory, r1.ClassOOM, "out-of-memory"},
		"vLLM has no memory for its cache":  {fresh, ending{code: 1, cause: "ValueError: No available memory for the cache blocks. Try increasing …"}, r1.OutOfMemory, r1.ClassOOM, "out-of-memory"},
		"disk full":                         {fresh, ending{code: 1, reported: &r1.TrainerError{Class: "program", Type: "OSError", Message: "[Errno 28] No space left on device"}}, r1.Failed, r1.ClassInfrastructure, "trainer-disk-full"},
		"NCCL":                              {fresh, ending{code: 1, cause: "torch.distributed.DistBackendError: NCCL error in: …"}, r1.Failed, r1.ClassInfrastructure, "trainer-failed"},
		"a bug that CUDA reports":           {fresh, ending{code: 1, cause: "RuntimeError: CUDA error: device-side assert triggered"}, r1.Failed, r1.ClassProgram, "trainer-failed"},
		"diverged":                          {fresh, ending{code: 1, reported: trainer("diverged")}, r1.Failed, r1.ClassDiverged, "diverged"},
		"a guard":                           {fresh, ending{code: 1, reported: &r1.TrainerError{Class: "diverged", Type: "reward-collapse", Message: "it fell"}}, r1.Failed, r1.ClassDiverged, "reward-collapse"},
		"config":                            {fresh, ending{code: 1, reported: trainer("config")}, r1.Failed, r1.ClassConfig, "trainer-failed"},
		"infrastructure":                    {fresh, ending{code: 1, reported: trainer("infrastructure")}, r1.Failed, r1.ClassInfrastructure, "trainer-failed"},
		"an error with a name and a remedy": {fresh, ending{code: 1, reported: &r1.TrainerError{Class: "config", Type: "endpoint-key", Message: "401", Remedy: "give a key"}}, r1.Failed, r1.ClassConfig, "endpoint-key"},
		"a class that is none":              {fresh, ending{code: 1, reported: trainer("bad luck")}, r1.Failed, r1.ClassProgram, "trainer-failed"},
		"exit code and nothing else":        {fresh, ending{code: 7}, r1.Failed, r1.ClassProgram, "trainer-failed"},
		"segmentation fault in the midst":   {fresh, ending{code: 139, cause: "step 3"}, r1.Failed, r1.ClassProgram, "trainer-failed"},
	} {
		j := judge(&tc.spec, tc.e)
		var res r1.Result
		settle(&res, j)
		if res.Outcome != tc.outcome || res.Class != tc.class || res.Name != tc.name {
			t.Errorf("%s: %+v, want %s/%s/%s", name, res, tc.outcome, tc.class, tc.name)
		}
		if failed := tc.outcome != r1.Succeeded; (res.Error != "") != failed || (res.Remedy != "") != failed {
			t.Errorf("%s: error %q, remedy %q", name, res.Error, res.Remedy)
		}
	}
}

func TestCauseIsOneLine(t *testing.T) {
	j := judgeReported(&r1.TrainerError{Class: "program", Type: "ValueError", Message: "first\n  second\r\n" + strings.Repeat("ä", 2000)})
	if n := len([]rune(j.err.Detail)); !strings.HasPrefix(j.err.Detail, "ValueError: first second ää") || n != lineRunes+1 {
		t.Errorf("%d runes: %q", n, j.err.Detail)
	}
}

// The guards that a recipe may set are those whose error has a name here.
func TestGuardsAreNamed(t *testing.T) {
	raw, err := os.ReadFile("../../recipes/testdata/guards.json")
	if err != nil {
		t.Fatal(err)
	}
	var kinds map[string]map[string]any
	if err := json.Unmarshal(raw, &kinds); err != nil || len(kinds) == 0 {
		t.Fatal(len(kinds), err)
	}
	for kind, guards := range kinds {
		for name := range guards {
			if e := diverged(name, "what was seen", "it: what was seen"); e.Name != name || e.Detail != "what was seen" {
				t.Errorf("%s: the guard %s ends as %s: %s", kind, name, e.Name, e.Detail)
			}
		}
	}
}

func TestRootCause(t *testing.T) {
	for name, tc := range map[string]struct{ log, want string }{
		"empty":            {"", ""},
		"last line":        {"step 1\nkilled\n\n", "killed"},
		"first exception":  {"a\nTraceback (most recent call last):\n  File\n    raise\nValueError: one\n\nDuring handling…\n\nTraceback (most recent call last):\n  File\nOSError: two\n", "ValueError: one"},
		"cut traceback":    {"Traceback (most recent call last):\n  File", "File"},
		"far from the end": {"Traceback (most recent call last):\n  File\nValueError: one\n" + strings.Repeat("ever the same complaint\n", 20_000), "ValueError: one"},
		"a very long line": {strings.Repeat("x", 3*maxLine) + "\nTraceback (most recent call last):\n\tFile\nKeyError: k\n", "KeyError: k"},
	} {
		if got := causeIn(strings.NewReader(tc.log)); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	if got := rootCause(filepath.Join(t.TempDir(), "none")); got != "" {
		t.Errorf("of no log: %q", got)
	}
}

// What counts as a stall depends on what was normal until then.
func TestSilence(t *testing.T) {
	now := time.Unix(0, 0)
	s := newSilence(time.Hour, now)
	says := func(after time.Duration) { now = now.Add(after); s.note(s.lines+1, now) }
	if s.tooLong(now.Add(59 * time.Minute)) {
		t.Error("less than the floor is a stall")
	}
	if !s.tooLong(now.Add(61 * time.Minute)) {
		t.Error("a trainer that never says anything does not stall")
	}
	says(time.Minute)
	says(30 * time.Minute) // an evaluation, say
	s.note(s.lines, now.Add(4*time.Hour))
	if s.tooLong(now.Add(4*time.Hour)) || !s.tooLong(now.Add(301*time.Minute)) {
		t.Error("the limit is not ten times the longest silence")
	}
}

func TestAllocated(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for said, want := range map[string]time.Time{
		"":                        now,
		"soon":                    now,
		"2026-01-02T04:00:00Z":    now, // a clock that is wrong
		"2026-01-02T02:30:00.25Z": now.Add(-30*time.Minute + 250*time.Millisecond),
	} {
		if got := allocated(said, now); !got.Equal(want) {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
}

func TestProgressTakesWholeLinesOnly(t *testing.T) {
	file := t.TempDir() + "/metrics.jsonl"
	p := newProgress(file)
	scan := func() snapshot {
		t.Helper()
		if err := p.scan(); err != nil {
			t.Fatal(err)
		}
		return p.now()
	}
	if s := scan(); s.First != nil {
		t.Errorf("no file yet: %+v", s)
	}
	text := `{"type":"resume","step":4,"total":9}` + "\n" + `{"type":"step","step":5,"values":{"loss":NaN}}` + "\n" + `{"type":"step","step":6,"val`
	write(file, text)
	if s := scan(); s.First == nil || s.Step != 4 || s.Total != 9 {
		t.Errorf("torn line: %+v", s)
	}
	write(file, text+`ues":{"loss":2}}`+"\n")
	if s := scan(); s.Step != 6 || s.Values["loss"] != 2 {
		t.Errorf("line made whole: %+v", s)
	}
}

// A trainer that knows what helps against its want of memory is believed.
func TestARemedyOfTheTrainerStays(t *testing.T) {
	for _, remedy := range []string{"", "lower vllm.gpu_memory_utilization"} {
		j := judgeReported(&r1.TrainerError{Class: string(r1.ClassOOM), Type: "out-of-memory", Message: "vLLM: too little", Remedy: remedy})
		if j.class != r1.ClassOOM || j.outcome != r1.OutOfMemory || j.err.Name != "out-of-memory" || remedy != "" && j.err.Remedy != remedy || j.err.Remedy == "" {
			t.Errorf("%q: %+v, %+v", remedy, j, j.err)
		}
	}
}
