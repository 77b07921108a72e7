// Package storetest gives tests a store on a real S3 server, the gateway that
// r1ctl embeds. The gateway allows one instance a process and changes the working
// directory, so it runs in a second process of the test binary.
package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/r1ctl/r1ctl/internal/artifact"
)

const (
	dirEnv   = "R1CTL_TEST_S3_DIR"
	addrEnv  = "R1CTL_TEST_S3_ADDR"
	access   = "test-access"
	secret   = "test-secret-that-must-never-be-shown"
	dedupMin = 1 << 20
)

// Main runs the tests of a package beside a server: func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }.
func Main(m *testing.M) int {
	if os.Getenv(dirEnv) != "" {
		return code(serve())
	}
	var result int
	if err := beside(func() { result = m.Run() }); err != nil {
		return code(err)
	}
	return result
}

func code(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// serve is the second process. It ends with its standard input.
func serve() error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	backend, err := posix.New(os.Getenv(dirEnv), meta.XattrMeta{}, posix.PosixOpts{})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(context.Background(), backend, &embedgw.Config{
		RootUserAccess: access, RootUserSecret: secret, Ports: []string{os.Getenv(addrEnv)},
		MaxConnections: 512, MaxRequests: 512, MultipartMaxParts: 10000, KeepAlive: true, Quiet: true,
	})
}

func beside(tests func()) error {
	dir, err := os.MkdirTemp("", "r1ctl-store-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dirEnv+"="+dir, addrEnv+"="+address)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Wait() //nolint:errcheck // it ends as it was told to
	defer stdin.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the test S3 server did not start: %w", err)
		}
	}
	if err := os.Setenv(addrEnv, address); err != nil {
		return err
	}
	tests()
	return nil
}

// Config is that of a store with a bucket of its own. Files of 1 MiB are large in it.
func Config() artifact.Config {
	return artifact.Config{Endpoint: "http://" + os.Getenv(addrEnv), Bucket: "b" + strings.ToLower(rand.Text()),
		AccessKey: access, SecretKey: secret, PathStyle: true, Embedded: true, DedupMin: dedupMin}
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
