package source

import (
	"os"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// testS3 is the server without a bucket.
func testS3() artifact.Config {
	cfg := storetest.Config()
	cfg.Bucket = ""
	return cfg
}
