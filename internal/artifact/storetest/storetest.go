// Package storetest gives tests a store on a real S3 server (gatewaytest).
package storetest

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/artifact/gatewaytest"
)

// Main runs the tests of a package beside a server: func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }.
func Main(m *testing.M) int { return gatewaytest.Main(m) }

// Config is that of a store with a bucket of its own. Files of 1 MiB are large in it.
func Config() artifact.Config {
	return artifact.Config{Endpoint: gatewaytest.Endpoint(), Bucket: "b" + strings.ToLower(rand.Text()),
		AccessKey: gatewaytest.Access, SecretKey: gatewaytest.Secret, PathStyle: true, Embedded: true, DedupMin: 1 << 20}
}

// New makes a store with a bucket of its own.
func New(t *testing.T) *artifact.Store {
	t.Helper()
	return Open(t, Config())
}

// Open makes a store, and its bucket.
func Open(t *testing.T, cfg artifact.Config) *artifact.Store {
	t.Helper()
	s, err := artifact.New(t.Context(), cfg)
	if err == nil {
		err = s.EnsureBucket(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}
