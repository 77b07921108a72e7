package s3proxy

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// The ways in which a Proxy treats requests.
const (
	Pass   = "pass"   // as they are
	Errors = "errors" // half of them are answered 500, before or after the server did what was asked
	Slow   = "slow"   // each waits for a while, and data trickles
	Reset  = "reset"  // half of the connections break off, before or in the midst of the answer
)

// Modes lists them.
func Modes() []string { return []string{Pass, Errors, Slow, Reset} }

// slowness is how long a slow request waits, and a slow piece of a body.
const (
	slowStart = 1500 * time.Millisecond
	slowPiece = 64 << 10
	slowWait  = 50 * time.Millisecond
)

// Proxy is an HTTP server on a free port of loopback before another one.
type Proxy struct {
	mode     atomic.Value // string
	addr     string
	server   *http.Server
	upstream *httputil.ReverseProxy
	ended    chan error
}

// New serves a proxy of target, an address such as http://127.0.0.1:9000.
func New(target string) (*Proxy, error) {
	to, err := url.Parse(target)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("proxy: %q is no address", target)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{addr: listener.Addr().String(), ended: make(chan error, 1)}
	p.mode.Store(Pass)
	p.upstream = &httputil.ReverseProxy{
		// The host stays what the client signed.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
		},
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		FlushInterval: -1,
		// A server that is away looks to the client as it does without a proxy.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) },
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func() { p.ended <- p.server.Serve(listener) }()
	return p, nil
}

// Addr is its host and port.
func (p *Proxy) Addr() string { return p.addr }

// Set changes how requests are treated from now on.
func (p *Proxy) Set(mode string) error {
	for _, m := range Modes() {
		if m == mode {
			p.mode.Store(mode)
			return nil
		}
	}
	return fmt.Errorf("proxy: no mode %q; there are %v", mode, Modes())
}

// Close ends the proxy and every connection.
func (p *Proxy) Close() error {
	err := p.server.Close()
	<-p.ended
	return err
}

// ServeHTTP treats one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch p.mode.Load() {
	case Errors:
		p.fail(w, r)
	case Slow:
		p.slow(w, r)
	case Reset:
		p.reset(w, r)
	default:
		p.upstream.ServeHTTP(w, r)
	}
}

// fail answers some requests 500. Some of these were carried out: a client must not
// take an error for nothing having happened.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request) {
	switch rand.IntN(4) {
	case 0:
		_, _ = io.Copy(io.Discard, r.Body)
	case 1:
		p.upstream.ServeHTTP(&forgotten{header: http.Header{}}, r)
	default:
		p.upstream.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>InternalError</Code><Message>spoilt by the proxy</Message></Error>`)
}

func (p *Proxy) slow(w http.ResponseWriter, r *http.Request) {
	if !sleep(r.Context(), slowStart) {
		return
	}
	r.Body = &trickle{ReadCloser: r.Body, ctx: r.Context()}
	p.upstream.ServeHTTP(&trickler{ResponseWriter: w, ctx: r.Context()}, r)
}

// reset breaks some connections off before the server hears of the request, or after it answered.
func (p *Proxy) reset(w http.ResponseWriter, r *http.Request) {
	switch rand.IntN(4) {
	case 0:
		panic(http.ErrAbortHandler)
	case 1:
		p.upstream.ServeHTTP(&forgotten{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
	p.upstream.ServeHTTP(w, r)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// forgotten is an answer that nobody gets.
type forgotten struct{ header http.Header }

func (f *forgotten) Header() http.Header         { return f.header }
func (f *forgotten) Write(b []byte) (int, error) { return len(b), nil }
func (f *forgotten) WriteHeader(int)             {}

// trickle is a request's body that comes slowly.
type trickle struct {
	io.ReadCloser
	ctx context.Context
}

func (t *trickle) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b[:min(len(b), slowPiece)])
	if n > 0 && !sleep(t.ctx, slowWait) {
		return n, t.ctx.Err()
	}
	return n, err
}

// trickler is an answer that goes out slowly.
type trickler struct {
	http.ResponseWriter
	ctx context.Context
}

func (t *trickler) Write(b []byte) (int, error) {
	if len(b) > 0 && !sleep(t.ctx, slowWait) {
		return 0, t.ctx.Err()
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap lets the reverse proxy flush.
func (t *trickler) Unwrap() http.ResponseWriter { return t.ResponseWriter }
