package temporal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/server/common/log/tag"
)

func testConfig(t *testing.T) Config {
	t.Helper()
	const host = "127.0.0.1"
	ports, err := freePorts(host, 3)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		DatabaseDir: t.TempDir(), Host: host, Port: ports[0], HTTPPort: ports[1], UIPort: ports[2],
		Namespace: "r1ctl", Retention: 24 * time.Hour, SearchAttributes: []string{"R1Recipe"},
		Logger: NewLogger(io.Discard),
	}
}

func TestDatabaseOfAnOlderProgram(t *testing.T) {
	cfg := testConfig(t)
	other := filepath.Join(cfg.DatabaseDir, "temporal-0123456789ab.db")
	if err := os.WriteFile(other, []byte("of another schema"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := cfg.databaseFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{file + ".new", file + ".new-journal"} { // a crash while it was made
		if err := os.WriteFile(left, []byte("half a schema"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(attributes ...string) map[string]bool {
		cfg.SearchAttributes = attributes
		cfg.Logger = NewLogger(io.Discard)
		s, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		resp, err := s.client.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: cfg.Namespace})
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for name := range resp.GetCustomAttributes() {
			have[name] = true
		}
		if n, err := s.OpenWorkflows(t.Context()); err != nil || n != 0 {
			t.Errorf("%d open workflows, %v", n, err)
		}
		return have
	}
	if have := run("R1Recipe"); !have["R1Recipe"] || have["R1Added"] {
		t.Errorf("first start: %v", have)
	}
	if have := run("R1Recipe", "R1Added"); !have["R1Recipe"] || !have["R1Added"] {
		t.Errorf("a newer program with one more attribute: %v", have)
	}
	if raw, err := os.ReadFile(other); err != nil || string(raw) != "of another schema" {
		t.Errorf("the file of another schema: %q, %v", raw, err)
	}
	if _, err := os.Stat(file + ".new"); !os.IsNotExist(err) {
		t.Errorf("left %v", err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cfg := testConfig(t)
	if _, err := Start(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := Start(t.Context(), Config{DatabaseDir: "/nonexistent", Namespace: "r1ctl", Logger: cfg.Logger}); err == nil {
		t.Error("a database directory that does not exist passes")
	}
}

func TestFatalMessageIsAnErrorAndNotTheEnd(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out)
	log.With(tag.NewStringTag("part", "frontend")).Fatal("cannot listen", tag.Error(errors.New("address in use")))
	log.Fatal("and again")
	err := <-log.fatal
	if err == nil || !strings.Contains(err.Error(), "cannot listen: address in use") {
		t.Errorf("got %v", err)
	}
	if text := out.String(); !strings.Contains(text, `"part":"frontend"`) || !strings.Contains(text, "and again") {
		t.Errorf("logged %s", text)
	}
}
