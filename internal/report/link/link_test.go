package link

import (
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestAddresses(t *testing.T) {
	key := r1.JobKey{Run: "full-r1-1123-k7q2", Stage: "zero", Job: "phase-01"}.Attempt(2)
	for _, base := range []string{"http://127.0.0.1:31000", "http://127.0.0.1:31000/"} {
		if got, want := Run(base, key.Run), "http://127.0.0.1:31000/runs/full-r1-1123-k7q2"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got, want := Log(base, key), "http://127.0.0.1:31000/runs/full-r1-1123-k7q2/logs/zero/phase-01/2"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := Run("", "a"); got != "/runs/a" {
		t.Error(got)
	}
}
