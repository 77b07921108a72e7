package agent

import (
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestJudge(t *testing.T) {
	started := &r1.MetricsLine{Type: "start"}
	resumed := &r1.MetricsLine{Type: "resume", Step: 4}
	at := func(first *r1.MetricsLine, step, total int) snapshot {
		return snapshot{First: first, Step: step, Total: total}
	}
	fresh := r1.Spec{ToStep: 9}
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
		"success":                         {fresh, ending{metrics: at(started, 9, 9)}, r1.Succeeded, "", ""},
		"success without known steps":     {r1.Spec{}, ending{}, r1.Succeeded, "", ""},
		"success in spite of SIGTERM":     {fresh, ending{why: stopping, metrics: at(started, 9, 9)}, r1.Succeeded, "", ""},
		"no step done":                    {fresh, ending{metrics: at(started, 0, 9)}, r1.Failed, r1.ClassProgram, "trained-nothing"},
		"output missing":                  {fresh, ending{missing: []string{"model"}, metrics: at(started, 9, 9)}, r1.Failed, r1.ClassProgram, "output-missing"},
		"resumed and went on":             {resuming, ending{metrics: at(resumed, 9, 9)}, r1.Succeeded, "", ""},
		"resumed and idle":                {resuming, ending{metrics: at(resumed, 4, 9)}, r1.Failed, r1.ClassProgram, "resume-did-not-advance"},
		"resumed at the end":              {atEnd, ending{metrics: at(resumed, 4, 4)}, r1.Succeeded, "", ""},
		"started afresh on resume":        {resuming, ending{metrics: at(started, 9, 9)}, r1.Failed, r1.ClassProgram, "resume-did-not-advance"},
		"silent on resume":                {resuming, ending{metrics: at(nil, 9, 9)}, r1.Failed, r1.ClassProgram, "resume-did-not-advance"},
		"wrong step, killed for it":       {resuming, ending{why: badResume, code: 137, metrics: at(started, 1, 9)}, r1.Failed, r1.ClassProgram, "resume-did-not-advance"},
		"saved on SIGTERM":                {fresh, ending{why: stopping, code: 143}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"exit 0 on SIGTERM, unfinished":   {fresh, ending{why: stopping, missing: []string{"model"}}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"stopped before it resumed":       {resuming, ending{why: stopping, code: 143}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"killed after the grace":          {fresh, ending{why: stopping, code: 137}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"walltime":                        {fresh, ending{why: walltime, code: 143}, r1.TimedOut, r1.ClassPreempted, "walltime"},
		"met its deadline by itself":      {fresh, ending{code: 143}, r1.Preempted, r1.ClassPreempted, "preempted"},
		"verifier gone":                   {fresh, ending{why: noVerifier, code: 143}, r1.Failed, r1.ClassInfrastructure, "verifier-died"},
		"SIGKILL by the kernel":           {fresh, ending{code: 137, oomKills: 1}, r1.OutOfMemory, r1.ClassOOM, "out-of-memory"},
		"SIGKILL by somebody":             {fresh, ending{code: 137}, r1.Failed, r1.ClassInfrastructure, "trainer-killed"},
		"CUDA out of memory":              {fresh, ending{code: 1, reported: trainer("oom")}, r1.OutOfMemory, r1.ClassOOM, "out-of-memory"},
		"diverged":                        {fresh, ending{code: 1, reported: trainer("diverged")}, r1.Failed, r1.ClassDiverged, "diverged"},
		"config":                          {fresh, ending{code: 1, reported: trainer("config")}, r1.Failed, r1.ClassConfig, "trainer-failed"},
		"infrastructure":                  {fresh, ending{code: 1, reported: trainer("infrastructure")}, r1.Failed, r1.ClassInfrastructure, "trainer-failed"},
		"a class that is none":            {fresh, ending{code: 1, reported: trainer("bad luck")}, r1.Failed, r1.ClassProgram, "trainer-failed"},
		"exit code and nothing else":      {fresh, ending{code: 7}, r1.Failed, r1.ClassProgram, "trainer-failed"},
		"segmentation fault in the midst": {fresh, ending{code: 139, logTail: "step 3\n"}, r1.Failed, r1.ClassProgram, "trainer-failed"},
	} {
		j := judge(&tc.spec, tc.e)
		if j.outcome != tc.outcome || j.class != tc.class || j.name != tc.name {
			t.Errorf("%s: %+v, want %s/%s/%s", name, j, tc.outcome, tc.class, tc.name)
		}
		if (j.text == "") != (tc.outcome == r1.Succeeded) {
			t.Errorf("%s: text %q", name, j.text)
		}
	}
}

func TestRootCause(t *testing.T) {
	for name, tc := range map[string]struct{ log, want string }{
		"empty":           {"", ""},
		"last line":       {"step 1\nkilled\n\n", "killed"},
		"first exception": {"a\nTraceback (most recent call last):\n  File\n    raise\nValueError: one\n\nDuring handling…\n\nTraceback (most recent call last):\n  File\nOSError: two\n", "ValueError: one"},
		"cut traceback":   {"Traceback (most recent call last):\n  File", "File"},
	} {
		if got := rootCause(tc.log); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
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
