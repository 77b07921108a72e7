package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/sync/errgroup"
)

const (
	filesAtOnce = 3
	partsAtOnce = 3
	// leases is how often the addresses to send a file to are asked for: they expire.
	leases = 3
)

const lfsType = "application/vnd.git-lfs+json"

// lfsObject is what the Hub says of an object: where it is to be sent, if it is.
type lfsObject struct {
	OID     string `json:"oid"`
	Size    int64  `json:"size"`
	Actions *struct {
		Upload *lfsAction `json:"upload"`
		Verify *lfsAction `json:"verify"`
	} `json:"actions"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

type lfsAction struct {
	Href   string                     `json:"href"`
	Header map[string]json.RawMessage `json:"header"`
}

// text is a header's value, which may be a number.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// send brings the large files to the Hub, by digest. What it has is not sent.
func (p *pusher) send(ctx context.Context, files []UploadFile, large map[string]bool) error {
	var list []UploadFile
	seen := map[string]bool{}
	for _, f := range files {
		if large[f.Path] && !seen[f.SHA256] {
			seen[f.SHA256] = true
			list = append(list, f)
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(filesAtOnce)
	for part := range slices.Chunk(list, chunk) {
		objects, err := p.batch(ctx, part)
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		for _, f := range part {
			g.Go(func() error { return p.sendFile(gctx, f, objects[f.SHA256]) })
		}
	}
	return g.Wait()
}

// batch asks where objects are to be sent.
func (p *pusher) batch(ctx context.Context, files []UploadFile) (map[string]lfsObject, error) {
	type object struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	}
	asked := make([]object, len(files))
	for i, f := range files {
		asked[i] = object{f.SHA256, f.Size}
	}
	body := map[string]any{
		"operation": "upload", "transfers": []string{"basic", "multipart"}, "hash_algo": "sha256",
		"objects": asked, "ref": map[string]string{"name": p.Branch},
	}
	raw, err := p.client.post(ctx, p.page()+".git/info/lfs/objects/batch", body, map[string]string{"Accept": lfsType, "Content-Type": lfsType})
	if err != nil {
		return nil, p.explain("ask where to send files of", err)
	}
	var said struct {
		Objects []lfsObject `json:"objects"`
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, fmt.Errorf("ask where to send files of %s: the answer cannot be read: %w", p.Repo, err)
	}
	out := map[string]lfsObject{}
	for _, o := range said.Objects {
		out[o.OID] = o
	}
	for _, f := range files {
		o, ok := out[f.SHA256]
		switch {
		case !ok:
			return nil, fmt.Errorf("ask where to send %s of %s: the answer does not name it", f.Path, p.Repo)
		case o.Error != nil:
			return nil, p.explain("send "+f.Path+" to", refusal{status: o.Error.Code, text: p.client.hush(o.Error.Message)})
		}
	}
	return out, nil
}

// sendFile sends one file, unless the Hub has it. An address that has expired is asked
// for again.
func (p *pusher) sendFile(ctx context.Context, f UploadFile, o lfsObject) error {
	var high int64
	for lease := 1; ; lease++ {
		if o.Actions == nil || o.Actions.Upload == nil {
			p.meter.add(f.Size - high)
			return nil
		}
		err := p.transfer(ctx, f, o, &high)
		var refused refusal
		expired := errors.As(err, &refused) && refused.storage && refused.status/100 == 4
		if err == nil || !expired || lease == leases {
			return p.explain("send "+f.Path+" to", err)
		}
		objects, err := p.batch(ctx, []UploadFile{f})
		if err != nil {
			return err
		}
		o = objects[f.SHA256]
	}
}

func (p *pusher) transfer(ctx context.Context, f UploadFile, o lfsObject, high *int64) error {
	upload := o.Actions.Upload
	var err error
	if size, parts := upload.Header["chunk_size"]; parts {
		err = p.sendParts(ctx, f, upload, text(size))
	} else {
		header := map[string]string{}
		for key, value := range upload.Header {
			header[key] = text(value)
		}
		_, err = p.put(ctx, f, p.local(upload.Href), 0, f.Size, header, high)
	}
	if err != nil || o.Actions.Verify == nil {
		return err
	}
	_, err = p.client.post(ctx, p.local(o.Actions.Verify.Href), map[string]any{"oid": f.SHA256, "size": f.Size}, nil)
	return err
}

// sendParts sends a file in parts, each to an address of its own, and has them put together.
func (p *pusher) sendParts(ctx context.Context, f UploadFile, upload *lfsAction, sizeText string) error {
	size, err := strconv.ParseInt(sizeText, 10, 64)
	if err != nil || size < 1 {
		return fmt.Errorf("send %s: the Hub asks for parts of %q bytes", f.Path, sizeText)
	}
	var numbers []int
	for key := range upload.Header {
		if n, err := strconv.Atoi(key); err == nil {
			numbers = append(numbers, n)
		}
	}
	sort.Ints(numbers)
	if want := (f.Size + size - 1) / size; int64(len(numbers)) != want {
		return fmt.Errorf("send %s: the Hub gives %d addresses for %d parts", f.Path, len(numbers), want)
	}
	type part struct {
		Number int    `json:"partNumber"`
		ETag   string `json:"etag"`
	}
	done := make([]part, len(numbers))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(partsAtOnce)
	for i, n := range numbers {
		g.Go(func() error {
			offset := int64(i) * size
			var high int64
			// A number is written in the header as it is, perhaps with zeros before it.
			href := ""
			for key, value := range upload.Header {
				if k, err := strconv.Atoi(key); err == nil && k == n {
					href = text(value)
				}
			}
			etag, err := p.put(gctx, f, href, offset, min(size, f.Size-offset), nil, &high)
			if err == nil && etag == "" {
				err = fmt.Errorf("send part %d of %s: the answer has no ETag", n, f.Path)
			}
			done[i] = part{i + 1, etag}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err = p.client.post(ctx, p.local(upload.Href), map[string]any{"oid": f.SHA256, "parts": done}, map[string]string{"Accept": lfsType, "Content-Type": lfsType})
	return err
}

// put sends a range of a file, and repeats it where a connection breaks: it is read anew.
func (p *pusher) put(ctx context.Context, f UploadFile, where string, offset, length int64, header map[string]string, high *int64) (etag string, err error) {
	var readErr error
	body := func() (io.Reader, error) {
		r, err := f.Open(ctx, offset, length)
		if err != nil {
			readErr = fmt.Errorf("read %s: %w", f.Path, err)
			return nil, readErr
		}
		return struct {
			io.Reader
			io.Closer
		}{&counted{Reader: r, meter: p.meter, high: high}, r}, nil
	}
	q, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPut, where, retryablehttp.ReaderFunc(body))
	if err != nil {
		if readErr != nil {
			return "", readErr
		}
		return "", p.client.plain(where, err)
	}
	q.ContentLength = length
	for key, value := range header {
		q.Header.Set(key, value)
	}
	resp, err := p.client.http.Do(q)
	if readErr != nil {
		err = readErr
	} else if err != nil {
		err = p.client.plain(where, err)
	}
	if err != nil {
		return "", err
	}
	if _, err := p.client.answer(where, resp); err != nil {
		return "", err
	}
	return resp.Header.Get("ETag"), nil
}

// local leads a call that the Hub names by its public name to the endpoint, which may be a
// mirror.
func (p *pusher) local(href string) string {
	if rest, ok := strings.CutPrefix(href, defaultEndpoint+"/"); ok {
		return p.client.Endpoint + "/" + rest
	}
	return href
}
