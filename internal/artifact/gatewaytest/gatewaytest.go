// Package gatewaytest runs the tests of a package beside a real S3 server, the gateway
// that r1ctl embeds. It allows one instance a process and changes the working
// directory, so it runs in a second process of the test binary, which ends when its
// standard input closes.
package gatewaytest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

const (
	dirEnv  = "R1CTL_TEST_S3_DIR"
	addrEnv = "R1CTL_TEST_S3_ADDR"

	// Access and Secret are the server's only keys.
	Access = "test-access"
	Secret = "test-secret-that-must-never-be-shown"
)

// Main runs the tests of a package beside a server: func TestMain(m *testing.M) { os.Exit(gatewaytest.Main(m)) }.
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
	backend, err := posix.New(os.Getenv(dirEnv), meta.XattrMeta{}, posix.PosixOpts{DataIntegrityEtag: true, CopyObjectThreshold: 5 << 30})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(context.Background(), backend, &embedgw.Config{
		RootUserAccess: Access, RootUserSecret: Secret, Ports: []string{os.Getenv(addrEnv)},
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

// Endpoint is where the server is, inside of Main.
func Endpoint() string { return "http://" + os.Getenv(addrEnv) }
