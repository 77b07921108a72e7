package outside_test

import (
	"testing"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
)

// A function's daemon leaves its process group. Whoever clears up after an attempt
// finds it by the attempt's mark.
func TestWhatAFunctionLeavesBehindIsMarked(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(childenv.AttemptDir, dir)
	f := function(t, "daemon", 30)
	check(t, f.Score(t.Context(), parse(t, `{"completion": "7"}`)), []float64{1})
	f.Close()
	if left := procstat.Marked(childenv.AttemptDir, dir); len(left) != 1 {
		t.Errorf("%d processes carry the mark, want the daemon", len(left))
	}
	if err := procstat.KillMarked(childenv.AttemptDir, dir); err != nil {
		t.Error(err)
	}
}
