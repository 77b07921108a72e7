// Package scripted is a loopback server that speaks the chat completions of
// OpenAI-compatible endpoints and gives scripted answers: no model is behind it.
// It is for tests only, and counts what it is asked.
package scripted

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Request is one request as the script sees it.
type Request struct {
	Body   []byte
	Key    string // of the Authorization header
	Model  string
	Prompt string // the content of the last turn
	Time   int    // how often this very body was asked, from 1
	Count  int    // how many requests there were, from 1
}

// Reply is what a script answers. The zero Reply is an empty completion.
type Reply struct {
	Text, Reasoning string
	Finish          string // default stop
	Tokens          int    // of the completion; default 7
	NoUsage         bool
	Status          int               // default 200
	Header          map[string]string // such as Retry-After
	Raw             string            // body instead of a completion
	Delay           time.Duration     // before anything is sent
	Cut             bool              // the body breaks off in its midst
	Reset           bool              // the connection is reset without an answer
}

// Error is a reply with an error in the form of these endpoints.
func Error(status int, code, message string) Reply {
	raw, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "type": "scripted", "code": code}})
	return Reply{Status: status, Raw: string(raw)}
}

// Server is a running server.
type Server struct {
	URL string // base, for endpoints' url

	mu       sync.Mutex
	script   func(Request) Reply
	asked    map[string]int // by body
	finished map[string]int // by prompt: completions that were sent whole
	count    int
	now, top int // requests under way, and most at a time
}

// New starts a server that ends with the test.
func New(t testing.TB, script func(Request) Reply) *Server {
	t.Helper()
	s := &Server{script: script, asked: map[string]int{}, finished: map[string]int{}}
	http := httptest.NewServer(s)
	t.Cleanup(http.Close)
	s.URL = http.URL + "/v1"
	return s
}

// Script changes what is answered from now on.
func (s *Server) Script(script func(Request) Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Count is how many requests there were.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Top is how many requests were under way at a time, at most.
func (s *Server) Top() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.top
}

// Finished counts the completions that were sent, by prompt.
func (s *Server) Finished() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.finished)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" {
		http.Error(w, `{"error": {"message": "no such route"}}`, http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	var asked struct {
		Model    string `json:"model"`
		Messages []struct {
			Content string `json:"content"`
		} `json:"messages"`
	}
	if err != nil || json.Unmarshal(body, &asked) != nil || len(asked.Messages) == 0 {
		http.Error(w, `{"error": {"message": "not a chat request"}}`, http.StatusBadRequest)
		return
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	s.mu.Lock()
	s.asked[digest]++
	s.count++
	s.now++
	s.top = max(s.top, s.now)
	req := Request{Body: body, Key: r.Header.Get("Authorization"), Model: asked.Model, Prompt: asked.Messages[len(asked.Messages)-1].Content,
		Time: s.asked[digest], Count: s.count}
	script := s.script
	s.mu.Unlock()
	reply := script(req)
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	select {
	case <-time.After(reply.Delay):
	case <-r.Context().Done():
		return
	}
	s.send(w, req, reply)
}

func (s *Server) send(w http.ResponseWriter, req Request, reply Reply) {
	if reply.Reset {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return
	}
	status := max(reply.Status, http.StatusOK)
	body := reply.Raw
	if body == "" {
		body = completion(req, reply)
	}
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	if reply.Cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		body = body[:len(body)/2]
	} else if status == http.StatusOK && reply.Raw == "" {
		s.mu.Lock()
		s.finished[req.Prompt]++
		s.mu.Unlock()
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func completion(req Request, reply Reply) string {
	finish, tokens := reply.Finish, reply.Tokens
	if finish == "" {
		finish = "stop"
	}
	if tokens == 0 {
		tokens = 7
	}
	message := map[string]any{"role": "assistant", "content": reply.Text}
	if reply.Reasoning != "" {
		message["reasoning_content"] = reply.Reasoning
	}
	answer := map[string]any{
		"id": "scripted", "object": "chat.completion", "model": req.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}},
	}
	if !reply.NoUsage {
		answer["usage"] = map[string]any{"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": tokens + 5}
	}
	raw, _ := json.Marshal(answer)
	return string(raw)
}
