//go:build e2e

package e2e

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"

	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/runs"
)

var update = flag.Bool("update-histories", false, "save the histories of a run for the replay tests in workflows")

// TestSaveHistories makes what the replay tests in workflows replay. It is run
// on purpose only (make histories), when a workflow was changed and runs of the
// version before need not go on.
func TestSaveHistories(t *testing.T) {
	if !*update {
		t.Skip("needs -update-histories")
	}
	m := newMachine(t)
	done := decode[runs.Status](t, m.mustRun("start", "r1-zero", "--profile", "smoke", "-o", "json"))
	out, errs, code := m.run("start", "r1-zero", "--profile", "smoke", "--set", "zero.params.learning_rate=1e9", "-o", "json")
	if code != 3 {
		t.Fatalf("a run that must diverge ended with code %d\n%s%s", code, out, errs)
	}
	diverged := decode[runs.Status](t, out)

	probe, err := server.Probe(m.state)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(client.Options{HostPort: probe.Endpoints.TemporalAddress, Namespace: probe.Endpoints.Namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, workflow := range map[string]string{
		"recipe":        done.Run,
		"stage-phases":  done.Run + "/zero",
		"stage-curate":  done.Run + "/rl-prompts",
		"recipe-failed": diverged.Run,
		"stage-failed":  diverged.Run + "/zero",
	} {
		save(t, c, workflow, filepath.Join("../../workflows/testdata", name+".json"))
	}
}

func save(t *testing.T, c client.Client, workflow, file string) {
	t.Helper()
	history := &historypb.History{}
	events := c.GetWorkflowHistory(context.Background(), workflow, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		history.Events = append(history.Events, e)
	}
	raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	if err != nil {
		t.Fatal(err)
	}
	if host, err := os.Hostname(); err == nil { // of no use to a replay, and nobody's business
		raw = regexp.MustCompile(regexp.QuoteMeta(host)).ReplaceAll(raw, []byte("machine"))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}
