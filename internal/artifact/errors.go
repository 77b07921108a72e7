package artifact

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// errLost says that the condition of a conditional write did not hold (412).
var errLost = errors.New("condition not met")

// IsUnavailable tells whether err says that S3 could not be asked: no
// connection, no answer in time, throttling, a server error. Nothing can then be
// said about what is stored, so callers treat it as unknown, not as failure.
func IsUnavailable(err error) bool {
	var certificate *tls.CertificateVerificationError
	var local *fs.PathError // our own file could not be read while it was sent
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &certificate) || errors.As(err, &local) {
		return false
	}
	for _, target := range []error{
		context.DeadlineExceeded, os.ErrDeadlineExceeded, io.ErrUnexpectedEOF, io.ErrClosedPipe,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	var send *smithyhttp.RequestSendError
	var request *url.Error
	var connection *net.OpError
	if errors.As(err, &send) || errors.As(err, &request) || errors.As(err, &connection) {
		return true
	}
	switch status := statusOf(err); {
	case status == http.StatusNotImplemented:
		return false
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return true
	}
	switch codeOf(err) {
	case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable":
		return true
	}
	return false
}

func statusOf(err error) int {
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// isDenied knows the refusals that do not come with status 403.
func isDenied(code string) bool {
	switch code {
	case "ExpiredToken", "InvalidToken", "XAdminUserNotFound": // the last is the embedded server's 404
		return true
	}
	return false
}

// terse keeps an SDK error's chain but shows only what the server or the
// network said.
type terse struct {
	text string
	err  error
}

func (t *terse) Error() string { return t.text }
func (t *terse) Unwrap() error { return t.err }

func shorten(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "" {
		if api.ErrorMessage() == "" {
			return &terse{text: api.ErrorCode(), err: err}
		}
		return &terse{text: api.ErrorCode() + ": " + api.ErrorMessage(), err: err}
	}
	var request *url.Error
	if errors.As(err, &request) {
		return &terse{text: request.Err.Error(), err: err}
	}
	return err
}

// wrap turns an SDK error into ours: what was being done, to which key, and a
// name and a remedy where a user can do something.
func (s *Store) wrap(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	var known *r1.Error
	if errors.As(err, &known) {
		return err
	}
	doing += " " + s.URI(key)
	code, status := codeOf(err), statusOf(err)
	err = shorten(err)
	switch {
	case code == "NoSuchBucket":
		return &r1.Error{Name: "s3-bucket-missing", Detail: fmt.Sprintf("bucket %s does not exist", s.bucket),
			Remedy: "create the bucket, or set s3.bucket to one that exists", Err: err}
	case code == "NoSuchKey" || code == "NotFound" || code == "NoSuchUpload":
		return fmt.Errorf("%s: %w", doing, r1.ErrNotFound)
	case status == http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w", doing, errLost)
	case IsUnavailable(err):
		return &r1.Error{Name: "s3-unavailable", Detail: "S3 gave no answer: " + doing,
			Remedy: "check that the S3 endpoint is up and can be reached from here (r1ctl doctor)", Err: err}
	case status == http.StatusForbidden || status == http.StatusUnauthorized || isDenied(code):
		return &r1.Error{Name: "s3-denied", Detail: "S3 refused access: " + doing,
			Remedy: "check the S3 credentials and what they may do in this bucket", Err: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// corrupt is the error of bytes that are not what a manifest says.
func corrupt(artifact, file, expected, found string) error {
	return &r1.Error{Name: "artifact-corrupt",
		Detail: fmt.Sprintf("%s of %s: expected %s, found %s", file, artifact, expected, found),
		Remedy: "the stored copy was damaged or replaced: rebuild the stage that made it, or restore the object"}
}

// changed is the error of a local file that did not hold still.
func changed(file, how string) error {
	return &r1.Error{Name: "artifact-changed", Detail: fmt.Sprintf("%s %s", file, how),
		Remedy: "upload only after the program that writes the files has ended"}
}
