package hub

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// commit adds one commit to the branch, on top of head and of nothing else. It is sent
// once: whether one without an answer was made, only the branch can say.
func (p *pusher) commit(ctx context.Context, head string, files []UploadFile, large map[string]bool, remove []string) (string, error) {
	spool, err := os.CreateTemp(p.Dir, "hub-commit-")
	if err != nil {
		return "", fmt.Errorf("write the commit: %w", err)
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	if err := p.writeCommit(ctx, spool, head, files, large, remove); err != nil {
		return "", fmt.Errorf("write the commit: %w", err)
	}
	size, err := spool.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return "", fmt.Errorf("write the commit: %w", err)
	}
	where := p.client.api(p.address(), "commit", p.Branch, "")
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, where, io.NopCloser(spool))
	if err != nil {
		return "", p.client.plain(where, err)
	}
	q.ContentLength = size
	q.Header.Set("User-Agent", userAgent)
	q.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := p.client.http.HTTPClient.Do(q)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", retryable{p.client.plain(where, err)}
	}
	raw, err := p.client.answer(where, resp)
	if err != nil {
		return "", p.refusedCommit(err)
	}
	var made struct {
		OID string `json:"commitOid"`
	}
	if err := json.Unmarshal(raw, &made); err != nil || !isHex(made.OID, 40) {
		return "", retryable{fmt.Errorf("commit to %s: the answer names no commit", p.Repo)}
	}
	return made.OID, nil
}

// refusedCommit tells a branch that moved meanwhile, and what may pass, from a refusal.
func (p *pusher) refusedCommit(err error) error {
	var r refusal
	switch {
	case !errors.As(err, &r):
		return retryable{err} // the answer broke off
	case r.status == http.StatusPreconditionFailed, r.status == http.StatusConflict, r.passing():
		return retryable{p.explain("commit to", refusalOrWait(r))}
	}
	return p.explain("commit to", r)
}

// refusalOrWait keeps a branch that moves all the time from being told as the user's fault.
func refusalOrWait(r refusal) error {
	if r.passing() {
		return r
	}
	return fmt.Errorf("others commit to the branch: %s", r.Error())
}

// writeCommit writes what the commit is, a JSON object a line.
func (p *pusher) writeCommit(ctx context.Context, to io.Writer, head string, files []UploadFile, large map[string]bool, remove []string) error {
	w := bufio.NewWriterSize(to, 64<<10)
	line := func(key string, value any) error {
		return json.NewEncoder(w).Encode(map[string]any{"key": key, "value": value})
	}
	header := map[string]string{"summary": p.Message, "description": ""}
	if head != "" {
		header["parentCommit"] = head
	}
	if err := line("header", header); err != nil {
		return err
	}
	for _, f := range files {
		if large[f.Path] {
			err := line("lfsFile", map[string]any{"path": f.Path, "algo": "sha256", "oid": f.SHA256, "size": f.Size})
			if err != nil {
				return err
			}
			continue
		}
		if err := writeFile(ctx, w, f); err != nil {
			return err
		}
	}
	for _, path := range remove {
		if err := line("deletedFile", map[string]string{"path": path}); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeFile writes the line of a small file, whose content streams through.
func writeFile(ctx context.Context, w io.Writer, f UploadFile) error {
	path, err := json.Marshal(f.Path)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, `{"key":"file","value":{"path":%s,"encoding":"base64","content":"`, path); err != nil {
		return err
	}
	if f.Size > 0 {
		body, err := f.Open(ctx, 0, f.Size)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Path, err)
		}
		defer body.Close()
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		if n, err := io.Copy(encoder, body); err != nil || n != f.Size {
			return fmt.Errorf("read %s: %d bytes of %d: %w", f.Path, n, f.Size, orShort(err))
		}
		if err := encoder.Close(); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, `"}}`+"\n")
	return err
}
