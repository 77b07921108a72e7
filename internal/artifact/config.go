package artifact

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	defaultRegion   = "us-east-1"
	defaultDedupMin = 64 << 20
	minPartSize     = 64 << 20
	// maxSinglePut is S3's limit of one PUT. The embedded server copies every part
	// of a multipart upload once more, so there a single PUT is used as long as it can be.
	maxSinglePut = 5 << 30
	maxParts     = 10_000
	rangeSize    = 32 << 20
	// bufferSize is what stays in a core's cache between reading, writing and hashing it.
	bufferSize = 256 << 10
	// maxTransfers bounds the data requests in flight of one store.
	maxTransfers = 16
	// silence is how long a connection may carry no byte in either direction. A
	// server that syncs a large object to disk says nothing meanwhile.
	silence = 10 * time.Minute
)

// Config says where the bucket is. Without an Endpoint it is AWS; without an
// AccessKey the credentials come from the AWS default chain.
type Config struct {
	Endpoint     string // such as http://127.0.0.1:9000; empty is AWS
	Region       string // default us-east-1 with an Endpoint, the AWS chain's otherwise
	Bucket       string // required
	AccessKey    string
	SecretKey    string
	SessionToken string
	PathStyle    bool // bucket in the path, not in the host name
	Embedded     bool // the endpoint is our own embedded server
	// DedupMin is the size in bytes from which equal files are stored once (default 64 MiB).
	DedupMin int64
}

// String shows the config without its secrets.
func (c Config) String() string {
	return fmt.Sprintf("bucket %s at %q (region %q)", c.Bucket, c.Endpoint, c.Region)
}

// GoString is String, so that %#v shows no secrets either.
func (c Config) GoString() string { return c.String() }

// Store reads and writes one bucket. It is safe for concurrent use.
type Store struct {
	client         *s3.Client
	bucket         string
	region         string
	embedded       bool
	dedupMin       int64
	multipartAbove int64
	partSize       int64 // smallest part
	copyAbove      int64 // size from which a copy is made in parts
	rangeSize      int64 // of a parallel download
	parallel       int   // files at a time
	slots          chan struct{}
	buffers        sync.Pool
}

// New makes a store. It does not contact the server; Probe and EnsureBucket do.
func New(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	options, err := cfg.clientOptions(ctx)
	if err != nil {
		return nil, err
	}
	s := &Store{
		client:         s3.New(options),
		bucket:         cfg.Bucket,
		region:         options.Region,
		embedded:       cfg.Embedded,
		dedupMin:       cfg.DedupMin,
		multipartAbove: minPartSize,
		partSize:       minPartSize,
		copyAbove:      maxSinglePut,
		rangeSize:      rangeSize,
		parallel:       min(max(4, runtime.GOMAXPROCS(0)), maxTransfers),
		slots:          make(chan struct{}, maxTransfers),
		buffers:        sync.Pool{New: func() any { return new([bufferSize]byte) }},
	}
	if s.dedupMin <= 0 {
		s.dedupMin = defaultDedupMin
	}
	if cfg.Embedded {
		s.multipartAbove = maxSinglePut
		// Ranges make up for a network where a connection is slow; here they cost another
		// reading of the file, for its digest.
		s.rangeSize = maxSinglePut
	}
	return s, nil
}

// Bucket is the bucket's name.
func (s *Store) Bucket() string { return s.bucket }

// URI is what a person can list and copy.
func (s *Store) URI(key string) string { return "s3://" + s.bucket + "/" + key }

func (c Config) check() error {
	bad := func(detail string) error {
		return &r1.Error{Name: "s3-config", Detail: detail, Remedy: "correct the s3 section of the configuration"}
	}
	if c.Bucket == "" {
		return bad("no S3 bucket is configured")
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		return bad("the S3 access key and secret key must be set together")
	}
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return bad("the S3 endpoint must be an http or https URL")
	}
	if u.User != nil {
		return bad("the S3 endpoint must not hold credentials")
	}
	return nil
}

func (c Config) clientOptions(ctx context.Context) (s3.Options, error) {
	o := s3.Options{
		Region:       c.Region,
		UsePathStyle: c.PathStyle,
		HTTPClient:   httpClient(),
		// The SDK's default sends CRC32 checksums that many other servers refuse.
		// Bodies are protected by their signed sha256 instead (see digests).
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		// The SDK's shared retry quota runs dry when many transfers meet one outage.
		Retryer: retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = 8
			r.MaxBackoff = 2 * time.Second
			r.RateLimiter = ratelimit.None
		}),
		APIOptions: []func(*middleware.Stack) error{dropAcceptEncoding},
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = aws.String(c.Endpoint)
		if o.Region == "" {
			o.Region = defaultRegion
		}
	}
	if c.AccessKey != "" {
		o.Credentials = credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken)
	}
	if o.Credentials == nil || o.Region == "" {
		chain, err := awsconfig.LoadDefaultConfig(ctx)
		if err != nil {
			return o, fmt.Errorf("load the AWS configuration: %w", err)
		}
		if o.Credentials == nil {
			o.Credentials = chain.Credentials
		}
		if o.Region == "" {
			o.Region = chain.Region
		}
	}
	if o.Region == "" {
		return o, &r1.Error{Name: "s3-config", Detail: "no S3 region is configured",
			Remedy: "set s3.region, or AWS_REGION"}
	}
	return o, nil
}

// dropAcceptEncoding keeps the header out of the signature: proxies in front of
// some servers rewrite it, and the signature then does not match.
func dropAcceptEncoding(stack *middleware.Stack) error {
	_, err := stack.Finalize.Remove("DisableAcceptEncodingGzip")
	if err != nil {
		return fmt.Errorf("drop the accept-encoding header: %w", err)
	}
	return nil
}

func httpClient() *http.Client {
	transport := awshttp.NewBuildableClient().GetTransport()
	transport.MaxIdleConns = 4 * maxTransfers
	transport.MaxIdleConnsPerHost = 4 * maxTransfers
	transport.DisableCompression = true // or Go would ask for gzip where the SDK no longer says identity
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{Conn: conn}, nil
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// watchedConn ends a connection on which nothing moves, so that a server that
// hangs is an error and not a wait without end. Bytes in one direction extend
// the time of both: a long upload waits for its reply all the while.
type watchedConn struct{ net.Conn }

func (c *watchedConn) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *watchedConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// sendBuffer is how much is written to a connection at a time.
const sendBuffer = 256 << 10

// ReadFrom implements io.ReaderFrom, by which request bodies come: in larger pieces than
// net/http would make.
func (c *watchedConn) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{c}, r, make([]byte, sendBuffer))
}
