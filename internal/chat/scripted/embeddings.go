package scripted

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// EmbeddingRequest is one request for embeddings as the script sees it.
type EmbeddingRequest struct {
	Model string
	Input []string
	Key   string // of the Authorization header
	Count int    // how many requests there were, from 1
}

// Embeddings is a server that gives scripted embeddings: no model is behind it.
type Embeddings struct {
	URL string // base, for endpoints' url

	mu    sync.Mutex
	count int
	asked map[string]int
}

// NewEmbeddings starts a server of embeddings that ends with the test. vector makes that of
// a text, and script may answer otherwise: a zero Reply does not.
func NewEmbeddings(t testing.TB, vector func(text string) []float32, script func(EmbeddingRequest) Reply) *Embeddings {
	t.Helper()
	s := &Embeddings{asked: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Model string   `json:"model"`
			Input []string `json:"input"`
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/embeddings" || json.Unmarshal(raw, &body) != nil {
			http.Error(w, `{"error": {"message": "no such route"}}`, http.StatusNotFound)
			return
		}
		s.mu.Lock()
		s.count++
		n := s.count
		s.mu.Unlock()
		reply := Reply{}
		if script != nil {
			reply = script(EmbeddingRequest{Model: body.Model, Input: body.Input, Key: r.Header.Get("Authorization"), Count: n})
		}
		if reply.Raw == "" {
			reply.Raw = embeddings(body.Input, vector)
			if !reply.Cut && !reply.Reset && reply.Status == 0 {
				s.mu.Lock()
				for _, text := range body.Input {
					s.asked[text]++
				}
				s.mu.Unlock()
			}
		}
		(&Server{}).send(w, Request{}, reply)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/v1"
	return s
}

// embeddings is an answer; the last text comes first in it, as the index says.
func embeddings(texts []string, vector func(string) []float32) string {
	var data []map[string]any
	for i := len(texts) - 1; i >= 0; i-- {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vector(texts[i])})
	}
	raw, _ := json.Marshal(map[string]any{"object": "list", "data": data, "usage": map[string]any{"prompt_tokens": 3 * len(texts), "total_tokens": 3 * len(texts)}})
	return string(raw)
}

// Count is how many requests there were.
func (s *Embeddings) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Paid is how often each text was answered.
func (s *Embeddings) Paid() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.asked))
	for text, n := range s.asked {
		out[text] = n
	}
	return out
}
