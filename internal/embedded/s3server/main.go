package s3server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// HealthPath answers 200 without a signature once the server serves.
const HealthPath = "/healthz"

// staleAfter is how long an upload may lie untouched before it is removed.
const staleAfter = 7 * 24 * time.Hour

// maxCopy is the largest object that S3 copies in one request. The gateway
// refuses every copy when it is not told.
const maxCopy = 5 << 30

// endGrace is what requests under way get. One that is cut off is not answered,
// and its client tries again.
const endGrace = time.Second

// Config says what Main serves.
type Config struct {
	Root            string // one folder a bucket, one file an object
	Address         string // host:port to listen on
	Region          string
	Bucket          string        // made when it is missing
	CredentialsFile string        // AWS shared credentials file
	LockFile        string        // held while serving; two servers on one Root would corrupt it
	LockWait        time.Duration // how long to wait for a server before us to end
	Parent          io.Reader     // the read end of a pipe: its end of file means that the parent is gone; nil for none
}

// Main serves until ctx ends, SIGTERM or SIGINT comes, or the parent is gone.
// It must be the only thing its process does, which must end when it returns: it
// changes the working directory, and may leave a request behind that was cut off.
func Main(ctx context.Context, cfg Config) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if cfg.Parent != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go followParent(cfg.Parent, cancel)
	}

	wait, cancel := context.WithTimeout(ctx, cfg.LockWait)
	lock, err := statedir.WaitLock(wait, cfg.LockFile)
	cancel()
	if err != nil {
		return fmt.Errorf("another S3 server serves %s: %w", cfg.Root, err)
	}
	// Until the process ends the lock stays ours: a request may outlive this function.
	defer runtime.KeepAlive(lock)

	creds, err := statedir.ReadCredentials(cfg.CredentialsFile)
	if err != nil {
		return err
	}
	if err := CheckFilesystem(cfg.Root); err != nil {
		return err
	}
	if err := recoverUploads(cfg.Root, staleAfter); err != nil {
		return fmt.Errorf("recover uploads: %w", err)
	}
	gateway, err := openGateway(cfg.Root)
	if err != nil {
		return fmt.Errorf("open %s: %w", cfg.Root, err)
	}
	if err := makeBucket(ctx, gateway, cfg.Root, cfg.Bucket, creds.AccessKey); err != nil {
		return fmt.Errorf("make bucket %s: %w", cfg.Bucket, err)
	}
	served := make(chan error, 1)
	go func() {
		served <- embedgw.RunVersityGW(ctx, &durable{Posix: gateway, root: cfg.Root, sync: statedir.SyncPath}, &embedgw.Config{
			RootUserAccess:    creds.AccessKey,
			RootUserSecret:    creds.SecretKey,
			Region:            cfg.Region,
			Ports:             []string{cfg.Address},
			MaxConnections:    4096,
			MaxRequests:       1024,
			MultipartMaxParts: 10000,
			Quiet:             true,
			KeepAlive:         true,
			HealthPath:        HealthPath,
		})
	}()
	select {
	case err := <-served:
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("serve S3 on %s: %w", cfg.Address, err)
	case <-ctx.Done():
	}
	select { // the gateway waits for idle connections too, which clients may keep open for long
	case <-served:
	case <-time.After(endGrace):
	}
	return nil
}

// openGateway changes the working directory to root.
func openGateway(root string) (*posix.Posix, error) {
	// MD5 is the largest part of what an upload costs. In its place an ETag is the CRC that is
	// made anyhow: 64 bits of the small objects that are written on condition of it.
	opts := posix.PosixOpts{CopyObjectThreshold: maxCopy, DataIntegrityEtag: true}
	opts.SetNewDirPerm(0o700)
	opts.SetNewFilePerm(0o600)
	return posix.New(root, meta.XattrMeta{}, opts)
}

// followParent ends the server with its parent. The parent never writes, so
// that reading returns only when the kernel closed its end.
func followParent(parent io.Reader, cancel context.CancelFunc) {
	_, _ = io.Copy(io.Discard, parent)
	cancel()
}

// makeBucket does its steps each time: a crash between them would otherwise
// leave a bucket that refuses every request.
func makeBucket(ctx context.Context, gateway *posix.Posix, root, bucket, owner string) error {
	if err := os.Mkdir(filepath.Join(root, bucket), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	acl, err := json.Marshal(auth.ACL{Owner: owner})
	if err != nil {
		return err
	}
	if err := gateway.PutBucketAcl(ctx, bucket, acl); err != nil {
		return err
	}
	if err := gateway.PutBucketOwnershipControls(ctx, bucket, types.ObjectOwnershipBucketOwnerEnforced); err != nil {
		return err
	}
	return statedir.SyncPath(root)
}
