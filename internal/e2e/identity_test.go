//go:build e2e

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/runs"
)

// ran lists the stages of a run that were not reused.
func ran(st runs.Status) []string {
	var out []string
	for _, s := range st.Stages {
		if !s.Reused {
			out = append(out, s.Name)
		}
	}
	return out
}

// planned asserts what a run that has ended says of its plan.
func planned(t *testing.T, st runs.Status) {
	a := st.Against
	if a == nil || len(a.Stages) != len(st.Stages) || a.Seconds.Ratio == nil || a.Total.Bytes.Ratio == nil {
		t.Fatalf("got %+v", a)
	}
	for _, s := range a.Stages {
		if s.Jobs == 0 || s.Seconds.Actual == nil || s.Bytes.Ratio == nil {
			t.Errorf("stage %s: %+v", s.Stage, s)
		}
		if s.Stage == "sft-data" && (s.Rows == nil || s.Rows.Actual == nil) {
			t.Errorf("the rows of %s are not known", s.Stage)
		}
	}
}

func (m *machine) otherStudent(t *testing.T) {
	st := decode[runs.Status](t, m.mustRun("start", "full-r1", "--profile", "smoke", "--set", "distill.students.student-32.params.learning_rate=2e-3", "-o", "json"))
	if got := ran(st); !slices.Equal(got, []string{"distill", "eval-student-32"}) {
		t.Errorf("made anew: %v", got)
	}
	for _, s := range st.Stages {
		for _, j := range s.Jobs {
			if s.Name == "distill" && (j.ReusedFrom != "") != (j.Name != "student-32") {
				t.Errorf("student %s is reused from %q", j.Name, j.ReusedFrom)
			}
		}
	}
}

func (m *machine) rebuild(t *testing.T) {
	st := decode[runs.Status](t, m.mustRun("start", "full-r1", "--profile", "smoke", "--rebuild", "cold-start", "-o", "json"))
	if got := ran(st); !slices.Equal(got, []string{"cold-start"}) || !slices.Equal(st.Rebuild, []string{"cold-start"}) {
		t.Errorf("made anew: %v; the run says %v", got, st.Rebuild)
	}
}

func (m *machine) fork(t *testing.T, first runs.Status) {
	st := decode[runs.Status](t, m.mustRun("start", "--from", first.Run+":eval-r1", "--set", "eval-r1.params.temperature=0.5", "-o", "json"))
	if got := ran(st); !slices.Equal(got, []string{"eval-r1"}) || st.Fork == nil || st.Fork.Run != first.Run || st.Fork.Stage != "eval-r1" || st.Profile != "smoke" {
		t.Errorf("made anew: %v; the run says %+v, profile %s", got, st.Fork, st.Profile)
	}
	_, errs, code := m.run("start", "--from", first.Run+":eval-r1", "--set", "zero.params.kl_beta=0.5")
	if code != 2 || !strings.Contains(errs, "[fork-before-stage]") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func (m *machine) adopt(t *testing.T, first runs.Status) {
	model := ""
	for _, s := range first.Stages {
		if s.Name == "zero" {
			model = s.Outputs[0].URI
		}
	}
	for range 2 { // the second time changes nothing
		m.mustRun("adopt", "zero.model", model, "--recipe", "r1-zero", "--profile", "smoke")
	}
	if plan := m.mustRun("plan", "r1-zero", "--profile", "smoke"); !strings.Contains(plan, "reuse (adopted)") || !strings.Contains(plan, "adopted from "+model) {
		t.Errorf("the plan says\n%s", plan)
	}
	st := decode[runs.Status](t, m.mustRun("start", "r1-zero", "--profile", "smoke", "-o", "json"))
	for _, s := range st.Stages {
		if last := s.Jobs[len(s.Jobs)-1]; s.Name == "zero" && (!s.Reused || last.AdoptedFrom != model || s.Outputs[0].Bytes == 0) {
			t.Errorf("%+v", s)
		}
	}
}

func (m *machine) move(t *testing.T) {
	m.mustRun("server", "stop")
	moved := m.state + "-moved"
	if err := os.Rename(m.state, moved); err != nil {
		t.Fatal(err)
	}
	was := m.state
	m.state = moved
	defer func() {
		m.mustRun("server", "stop")
		if err := os.Rename(moved, was); err != nil {
			t.Error(err)
		}
		m.state = was
	}()
	if got := ran(decode[runs.Status](t, m.mustRun("start", "full-r1", "--profile", "smoke", "-o", "json"))); len(got) > 0 {
		t.Errorf("made anew: %v", got)
	}
}
