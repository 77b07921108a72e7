package hub

import (
	"context"
	"crypto/sha1" // git names what it holds by it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// resumed is a file over the network. A connection that breaks is taken up where
// it broke: the file is that of a commit, so it is the same one.
type resumed struct {
	ctx    context.Context
	d      *Dataset
	file   File
	body   io.ReadCloser
	offset int64
	broken int // connections in a row that gave nothing
}

// open asks for what is still missing.
func (r *resumed) open() error {
	c := r.d.client
	resp, err := c.get(r.ctx, c.resolve(r.d.Address, r.d.Commit, r.file.Path), r.offset)
	if err != nil {
		return c.explain(r.ctx, r.d.Address, r.file.Path, err)
	}
	r.body = resp.Body
	if r.offset > 0 && resp.StatusCode == http.StatusOK { // a server without ranges starts anew
		if _, err := io.CopyN(io.Discard, r.body, r.offset); err != nil {
			return fmt.Errorf("read %s again from its start: %w", r.file.Path, err)
		}
	}
	return nil
}

func (r *resumed) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.offset += int64(n)
		if n > 0 {
			r.broken = 0
			return n, nil // the error comes again
		}
		switch {
		case err == nil:
			return 0, nil
		case errors.Is(err, io.EOF) && r.offset >= r.file.Size:
			return 0, io.EOF
		case r.ctx.Err() != nil:
			return 0, r.ctx.Err()
		}
		if err := r.again(err); err != nil {
			return 0, err
		}
	}
}

// again opens the rest after a break.
func (r *resumed) again(cause error) error {
	c := r.d.client
	for {
		_ = r.body.Close()
		if r.broken++; r.broken > c.Tries {
			return fmt.Errorf("read %s of %s: the connection broke %d times at byte %d of %d: %w", r.file.Path, r.d.Address, r.broken, r.offset, r.file.Size, cause)
		}
		select {
		case <-time.After(min(c.MaxWait, time.Second<<(r.broken-1))):
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		err := r.open()
		if _, forGood := r1.AsError(err); err == nil || forGood || r.ctx.Err() != nil {
			return err
		}
		cause = err
		if r.body == nil {
			r.body = http.NoBody
		}
	}
}

func (r *resumed) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}

// checked compares the bytes that were read with the digest of the commit.
type checked struct {
	io.ReadCloser
	file    File
	address Address
	sum     hash.Hash
	want    string // "": the size alone is known
	read    int64
}

func newChecked(f File, a Address, body io.ReadCloser) io.ReadCloser {
	c := &checked{ReadCloser: body, file: f, address: a, sum: sha256.New(), want: f.sha256}
	if f.sha256 == "" && f.blob != "" {
		c.sum, c.want = sha1.New(), f.blob
		fmt.Fprintf(c.sum, "blob %d\x00", f.Size)
	}
	return c
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read += int64(n)
	c.sum.Write(p[:n])
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if got := hex.EncodeToString(c.sum.Sum(nil)); c.read != c.file.Size || (c.want != "" && got != c.want) {
		return n, &r1.Error{
			Name: "hub-digest", Detail: fmt.Sprintf("%s of %s is not what its commit says: %d bytes with digest %.12s, expected %d with %.12s", c.file.Path, c.address, c.read, got, c.file.Size, c.want),
			Remedy: "try again; if it stays, the mirror (HF_ENDPOINT) or the cache (HF_HUB_CACHE) holds a damaged file",
		}
	}
	return n, err
}

// IsDamaged says whether an error tells that bytes are not those of the commit.
func IsDamaged(err error) bool {
	e, ok := r1.AsError(err)
	return ok && e.Name == "hub-digest"
}
