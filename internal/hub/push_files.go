package hub

import (
	"context"
	"crypto/sha1" // git names what it holds by it
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
)

const (
	// sampleSize is how many bytes the Hub sees of a file to say how it is to be kept.
	sampleSize = 512
	// chunk is how many files one call is about.
	chunk = 256
)

// differing lists the files that the branch does not hold with this content.
func (p *pusher) differing(ctx context.Context, there map[string]File) ([]UploadFile, error) {
	var out []UploadFile
	for _, f := range p.Files {
		at, ok := there[f.Path]
		same := ok && at.Size == f.Size
		if same && at.sha256 != "" {
			same = at.sha256 == f.SHA256
		} else if same {
			blob, err := blobOf(ctx, f)
			if err != nil {
				return nil, err
			}
			same = at.blob == blob
		}
		if !same {
			out = append(out, f)
		}
	}
	return out, nil
}

// blobOf is git's digest of a file.
func blobOf(ctx context.Context, f UploadFile) (string, error) {
	body, err := f.Open(ctx, 0, f.Size)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.Path, err)
	}
	defer body.Close()
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", f.Size)
	if n, err := io.Copy(h, body); err != nil || n != f.Size {
		return "", fmt.Errorf("read %s: %d bytes of %d: %w", f.Path, n, f.Size, orShort(err))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func orShort(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// large asks the Hub which files are kept by digest, outside of git. The others travel
// in the commit.
func (p *pusher) large(ctx context.Context, files []UploadFile) (map[string]bool, error) {
	type entry struct {
		Path   string `json:"path"`
		Sample string `json:"sample"`
		Size   int64  `json:"size"`
	}
	large := map[string]bool{}
	for part := range slices.Chunk(files, chunk) {
		asked := make([]entry, len(part))
		for i, f := range part {
			sample, err := firstBytes(ctx, f)
			if err != nil {
				return nil, err
			}
			asked[i] = entry{f.Path, base64.StdEncoding.EncodeToString(sample), f.Size}
		}
		raw, err := p.client.post(ctx, p.client.api(p.address(), "preupload", p.Branch, ""), map[string]any{"files": asked}, nil)
		if err != nil {
			return nil, p.explain("ask how to keep the files of", err)
		}
		var said struct {
			Files []struct {
				Path string `json:"path"`
				Mode string `json:"uploadMode"`
			} `json:"files"`
		}
		if err := json.Unmarshal(raw, &said); err != nil {
			return nil, fmt.Errorf("ask how to keep the files of %s: the answer cannot be read: %w", p.Repo, err)
		}
		modes := map[string]string{}
		for _, f := range said.Files {
			modes[f.Path] = f.Mode
		}
		for _, f := range part {
			switch mode := modes[f.Path]; {
			case mode == "lfs":
				large[f.Path] = f.Size > 0 // there is nothing to keep of an empty file
			case mode != "regular":
				return nil, fmt.Errorf("ask how to keep the files of %s: the answer for %s is %q", p.Repo, f.Path, mode)
			}
		}
	}
	return large, nil
}

func firstBytes(ctx context.Context, f UploadFile) ([]byte, error) {
	n := min(f.Size, sampleSize)
	if n == 0 {
		return nil, nil
	}
	body, err := f.Open(ctx, 0, n)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	defer body.Close()
	sample := make([]byte, n)
	if _, err := io.ReadFull(body, sample); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	return sample, nil
}

// meter counts bytes that are done with.
type meter struct {
	mu          sync.Mutex
	done, total int64
	report      func(done, total int64)
}

func (m *meter) add(n int64) {
	if m.report == nil || n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = min(m.done+n, m.total)
	m.report(m.done, m.total)
}

// counted counts the bytes of a body, each once however often it is sent.
type counted struct {
	io.Reader
	meter *meter
	at    int64
	high  *int64 // how far any try has come
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.at += int64(n); c.at > *c.high {
		c.meter.add(c.at - *c.high)
		*c.high = c.at
	}
	return n, err
}
