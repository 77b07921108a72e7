package childenv

import (
	"slices"
	"testing"
)

func TestWhatAChildGets(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("https_proxy", "http://me:secret@proxy:3128")
	t.Setenv(AttemptDir, "/attempts/r/s/j/1")
	t.Setenv(TrainerDir, "/attempts/r/s/j/1/work")
	got := Clean("X=1")
	for _, want := range []string{AttemptDir + "=/attempts/r/s/j/1", "X=1"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, kv := range got {
		for _, name := range []string{"AWS_SECRET_ACCESS_KEY=", "https_proxy=", TrainerDir + "="} {
			if len(kv) >= len(name) && kv[:len(name)] == name {
				t.Errorf("a child gets %s", kv)
			}
		}
	}
}
