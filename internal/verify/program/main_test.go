package program_test

import (
	"os"
	"testing"

	"github.com/r1ctl/r1ctl/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}
