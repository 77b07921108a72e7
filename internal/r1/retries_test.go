package r1

import (
	"encoding/json"
	"testing"
	"time"
)

func TestRetriesAreWrittenForPeople(t *testing.T) {
	program, preempted := 2, Duration(72*time.Hour)
	in := Retries{Program: &program, Preempted: &preempted}
	raw, err := json.Marshal(in)
	if err != nil || string(raw) != `{"program":2,"preempted":"72h0m0s"}` {
		t.Fatalf("%s, %v", raw, err)
	}
	var out Retries
	if err := json.Unmarshal(raw, &out); err != nil || *out.Program != 2 || *out.Preempted != preempted || out.Infrastructure != nil {
		t.Errorf("read back %+v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"preempted":"soon"}`), &out); err == nil {
		t.Error("a duration that is none passes")
	}
}

func TestEndsAreToldByClass(t *testing.T) {
	if got := EndsText(map[Class]int{ClassProgram: 1, ClassPreempted: 3, ClassOOM: 0}); got != "3 preempted, 1 program" {
		t.Errorf("got %q", got)
	}
	if got := EndsText(nil); got != "" {
		t.Errorf("got %q for none", got)
	}
}
