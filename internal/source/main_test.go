package source

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

	"github.com/r1ctl/r1ctl/internal/artifact"
)

// The S3 server is the one that r1ctl embeds. It changes the working directory, so
// it runs in a second process of this test binary, which ends when its stdin closes.
const dirEnv, addrEnv = "R1CTL_TEST_S3_DIR", "R1CTL_TEST_S3_ADDR"

var testS3 artifact.Config // set once by TestMain

func TestMain(m *testing.M) {
	if os.Getenv(dirEnv) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code, err := withServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

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
		RootUserAccess: "access", RootUserSecret: "secret-of-the-test", Ports: []string{os.Getenv(addrEnv)},
		MaxConnections: 64, MaxRequests: 64, MultipartMaxParts: 10000, KeepAlive: true, Quiet: true,
	})
}

func withServer(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "r1ctl-source-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dirEnv+"="+dir, addrEnv+"="+address)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer cmd.Wait()
	defer stdin.Close()
	testS3 = artifact.Config{Endpoint: "http://" + address, AccessKey: "access", SecretKey: "secret-of-the-test", PathStyle: true, Embedded: true}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return m.Run(), nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("the test S3 server did not start: %w", err)
		}
	}
}
