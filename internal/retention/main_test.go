package retention

import (
	"os"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }
