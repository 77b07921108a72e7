package embed

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Model is what turns texts into vectors, as an endpoint knows it.
type Model struct {
	Name       string
	Dimensions int // of the vectors, where the model can make shorter ones; 0: its own
}

// batchTexts is how many texts a request has at most, and batchBytes how many bytes of them.
const (
	batchTexts = 64
	batchBytes = 256 << 10
)

// Embedder embeds texts. It is safe for concurrent use.
type Embedder struct {
	model  Model
	client *chat.Client
	store  *Store
	slots  chan struct{}
	dims   atomic.Int64
	asked  atomic.Int64
	// answered and refused are texts of this process.
	answered, refused atomic.Int64
	said              atomic.Pointer[string] // the last refusal's words
	known             atomic.Pointer[string] // a text that was answered before
}

// New makes an Embedder that keeps what it is answered below root and has at most
// atOnce requests under way.
func New(m Model, client *chat.Client, root string, atOnce int) (*Embedder, error) {
	// Of another address the same name may be another model's.
	sum := sha256.Sum256(append(m.request(nil), client.Address()...))
	store, err := OpenStore(root, hex.EncodeToString(sum[:8]))
	if err != nil {
		return nil, err
	}
	e := &Embedder{model: m, client: client, store: store, slots: make(chan struct{}, max(1, atOnce))}
	e.dims.Store(int64(m.Dimensions))
	return e, nil
}

// Close closes the files of what was answered.
func (e *Embedder) Close() error { return e.store.Close() }

// Asked is how many texts were sent so far; the others were known.
func (e *Embedder) Asked() int64 { return e.asked.Load() }

// request is the body of a request: the same bytes for the same texts.
func (m Model) request(texts []string) []byte {
	body := map[string]any{"model": m.Name, "input": texts, "encoding_format": "float"}
	if m.Dimensions > 0 {
		body["dimensions"] = m.Dimensions
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // of strings and numbers
	return out.Bytes()
}

// Embed gives the vectors of texts, of length 1; nil where the endpoint refuses the text.
// Any other text has one: an endpoint that is away is an error, once its patience is at its
// end.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	first := make(map[digest]int, len(texts)) // place of each different text
	again := map[int]int{}                    // place of a text: of the same one before it
	var missing []int
	for i, text := range texts {
		d := e.digest(text)
		if before, seen := first[d]; seen {
			again[i] = before
			continue
		}
		first[d] = i
		v, ok, err := e.store.get(d)
		if err != nil {
			return nil, err
		}
		if !ok {
			missing = append(missing, i)
			continue
		}
		if err := e.sameSize(v); err != nil {
			return nil, err
		}
		out[i] = v
		e.known.CompareAndSwap(nil, &text)
	}
	g, gctx := errgroup.WithContext(ctx)
	for len(missing) > 0 {
		n, size := 0, 0
		for n < len(missing) && n < batchTexts && (n == 0 || size+len(texts[missing[n]]) <= batchBytes) {
			size += len(texts[missing[n]])
			n++
		}
		batch := missing[:n]
		missing = missing[n:]
		select {
		case e.slots <- struct{}{}:
		case <-gctx.Done():
			return nil, cmp.Or(g.Wait(), context.Cause(ctx))
		}
		g.Go(func() error {
			defer func() { <-e.slots }()
			return e.batch(gctx, texts, batch, out)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := e.doubt(ctx); err != nil {
		return nil, err
	}
	for i, before := range again {
		out[i] = out[before]
	}
	return out, nil
}

// manyRefusals without one answer are not for what the texts say.
const manyRefusals = 8

// doubt looks into refusals of everything that this process has asked: where earlier ones were
// answered, one of their texts is asked once more, and the answer says whose fault it is.
func (e *Embedder) doubt(ctx context.Context) error {
	n := e.refused.Load()
	if n < manyRefusals || e.answered.Load() > 0 {
		return nil
	}
	said := *e.said.Load()
	if known := e.known.Load(); known != nil {
		_, err := e.client.Embed(ctx, e.model.request([]string{*known}), 1)
		var no *chat.Refused
		switch {
		case err == nil:
			e.answered.Add(1)
			return nil
		case !errors.As(err, &no):
			return err
		}
		said = no.Detail
	}
	return &chat.Failure{Class: r1.ClassConfig, Err: &r1.Error{
		Name: "endpoint-request", Detail: fmt.Sprintf("the endpoint refused all of the first %d texts: %s", n, said),
		Remedy: "correct model and dimensions of the step similar to what the endpoint takes",
	}}
}

// batch asks about some of the texts. A request that is refused is split, until it is
// known which texts are.
func (e *Embedder) batch(ctx context.Context, texts []string, of []int, out [][]float32) error {
	input, keys := make([]string, len(of)), make([]digest, len(of))
	for k, i := range of {
		input[k], keys[k] = texts[i], e.digest(texts[i])
	}
	e.asked.Add(int64(len(of)))
	got, err := e.client.Embed(ctx, e.model.request(input), len(of))
	var no *chat.Refused
	switch {
	case errors.As(err, &no) && len(of) == 1:
		if !no.Filtered {
			e.said.Store(&no.Detail)
			e.refused.Add(1)
		}
		return nil
	case errors.As(err, &no):
		half := len(of) / 2
		if err := e.batch(ctx, texts, of[:half], out); err != nil {
			return err
		}
		return e.batch(ctx, texts, of[half:], out)
	case err != nil:
		return err
	}
	e.answered.Add(int64(len(of)))
	for k, v := range got.Of {
		if err := e.sameSize(v); err != nil {
			return err
		}
		unit(v)
		out[of[k]] = v
	}
	return e.store.put(keys, got.Of)
}

// sameSize refuses a vector that cannot be compared with the others.
func (e *Embedder) sameSize(v []float32) error {
	n := int64(len(v))
	if e.dims.CompareAndSwap(0, n) || e.dims.Load() == n {
		return nil
	}
	return &r1.Error{
		Name: "embedding-size", Detail: fmt.Sprintf("the model %s gives vectors of %d numbers, and of %d before or as asked for", e.model.Name, n, e.dims.Load()),
		Remedy: "take a model name that stands for one model, or the dimensions that it can make",
	}
}

func (e *Embedder) digest(text string) digest {
	h := sha256.New()
	h.Write(e.model.request([]string{text}))
	return digest(h.Sum(nil))
}

// unit makes the length of a vector 1.
func unit(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
}
