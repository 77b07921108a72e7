package curate

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/r1ctl/r1ctl/internal/embed"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Embedder turns texts into vectors; *embed.Embedder is one.
type Embedder interface {
	// Embed gives vectors of length 1, nil for a text that the model refuses.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	Close() error
}

// Embedders opens the model of a step at an endpoint of the site.
type Embedders func(endpoint string, m embed.Model) (Embedder, error)

// similar compares prompts with those of another dataset by the vectors that a model makes
// of both texts: the cosine of a prompt and the nearest of against. With keep "far" rows are
// dropped from above on; the record of a drop names the dataset and the prompt that it is
// like. With keep "near" these rows are left, as questions to a judge, as nearest makes them.
//
// above is a matter of the model: the same problem in other words is at 0.9 with one and at
// 0.7 with another, and problems of one subject are near too. Look at the records.
//
// A prompt that the endpoint refuses (too long, or for what it says) is dropped either way, as it
// may be anything; one of against ends the stage. So does an endpoint that is away.
//
// Reasons: "similar"; with keep "near": "far"; "unverified:refused"; "asked-already".
//
// Memory: the different texts of against, and 4 bytes for each number of their vectors; 44 bytes
// for each different prompt, and 4 a row.
type similar struct {
	Against    string  `json:"against"`
	Endpoint   string  `json:"endpoint"`
	Model      string  `json:"model"`
	Dimensions int     `json:"dimensions"`
	Above      float64 `json:"above"`
	Keep       string  `json:"keep"`
}

func similarDef() StepDef {
	defaults := similar{Above: 0.9, Keep: keepFar}
	return StepDef{
		Name: "similar", Doc: "drop rows whose prompt is near one of another dataset, by a model's embeddings",
		Params: []Param{
			{Name: "against", Type: "text", Required: true},
			{Name: "endpoint", Type: "text", Required: true},
			{Name: "model", Type: "text", Required: true},
			{Name: "dimensions", Type: "integer"},
			{Name: "above", Type: "number", Default: defaults.Above},
			{Name: "keep", Type: "text", Default: keepFar, Allowed: []string{keepNear, keepFar}},
		},
		decode: decodeInto(defaults),
	}
}

func (s similar) check() error {
	switch {
	case s.Against == "":
		return errors.New("against is needed: the name of an input or source")
	case s.Endpoint == "":
		return errors.New("endpoint is needed: a name under the site's endpoints")
	case s.Model == "":
		return errors.New("model is needed: the endpoint's name for it")
	case s.Dimensions < 0:
		return errors.New("dimensions is at least 1")
	case !slices.Contains([]string{keepNear, keepFar}, s.Keep):
		return fmt.Errorf("keep %q is none of [near far]", s.Keep)
	}
	return checkShare("above", s.Above)
}

func (similar) needs() []string { return []string{"prompt"} }

func (s similar) compared() string { return s.Against }

func (s similar) asks() string { return s.Endpoint }

// embedAtOnce is how many texts are embedded and compared at a time.
const embedAtOnce = 1024

func (s similar) start(ctx context.Context, env env) (any, error) {
	if env.embedders == nil {
		return nil, paramsError("the step similar asks an endpoint, and none can be asked here")
	}
	var texts []string
	seen := map[[16]byte]bool{}
	err := eachCompared(ctx, env, s.Against, func(r *row) {
		if sum := sha256.Sum256([]byte(r.prompt)); !seen[[16]byte(sum[:16])] {
			seen[[16]byte(sum[:16])] = true
			texts = append(texts, r.prompt)
		}
	})
	if err != nil {
		return nil, err
	}
	model, err := env.embedders(s.Endpoint, embed.Model{Name: s.Model, Dimensions: s.Dimensions})
	if err != nil {
		return nil, err
	}
	w := &similarity{similar: s, ctx: ctx, model: model, texts: texts, number: map[[16]byte]int32{}}
	for chunk := range slices.Chunk(texts, embedAtOnce) {
		vectors, err := model.Embed(ctx, chunk)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("embed %s: %w", s.Against, err), model.Close())
		}
		for i, v := range vectors {
			if v == nil {
				return nil, errors.Join(s.refused(chunk[i]), model.Close())
			}
			w.set.Add(v)
		}
	}
	if w.prompts, err = newBlobs(env.dir, env.index); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	if s.Keep == keepNear {
		return &similarAsking{w}, nil
	}
	return w, nil
}

func (s similar) refused(text string) error {
	return &r1.Error{
		Name: "benchmark-refused", Detail: fmt.Sprintf("%s refuses a prompt of %s, so nothing can be compared with it: %.80q", s.Model, s.Against, text),
		Remedy: "take a model that takes texts of this length and kind: a benchmark that is compared in part protects in part",
	}
}

// similarity is the step at work.
type similarity struct {
	similar
	ctx     context.Context // of the run
	model   Embedder
	set     embed.Set
	texts   []string           // of the set
	number  map[[16]byte]int32 // of each different prompt
	prompts *blobs             // in that order
	rows    []int32            // the prompt of each row; -1: asked already
	near    []embed.Near       // of each prompt; At is unchecked where nobody knows
	kept    []int32            // with keep "near": prompts of the rows that are left
}

const unchecked = int32(-2)

func (w *similarity) Close() error {
	w.prompts.close()
	return w.model.Close()
}

func (w *similarity) note(r *row) []byte {
	if w.Keep == keepNear && r.has("asked") {
		return nil
	}
	return append([]byte{1}, r.prompt...)
}

func (w *similarity) see(_ int64, note []byte) error {
	if len(note) == 0 {
		w.rows = append(w.rows, -1)
		return nil
	}
	sum := sha256.Sum256(note)
	n, known := w.number[[16]byte(sum[:16])]
	if !known {
		n = int32(len(w.number))
		w.number[[16]byte(sum[:16])] = n
		if err := w.prompts.add(note[1:]); err != nil {
			return err
		}
	}
	w.rows = append(w.rows, n)
	return nil
}

func (w *similarity) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	read, err := w.prompts.reader()
	if err != nil {
		return nil, nil, err
	}
	for from := 0; from < w.prompts.len(); from += embedAtOnce {
		texts := make([]string, min(embedAtOnce, w.prompts.len()-from))
		for i := range texts {
			raw, err := read.read(from+i, nil)
			if err != nil {
				return nil, nil, err
			}
			texts[i] = string(raw)
		}
		vectors, err := w.model.Embed(w.ctx, texts)
		if err != nil {
			return nil, nil, fmt.Errorf("embed prompts: %w", err)
		}
		near := w.set.Nearest(vectors, float32(w.Above))
		for i, v := range vectors {
			if v == nil {
				near[i].At = unchecked
			}
		}
		w.near = append(w.near, near...)
	}
	for _, n := range w.rows {
		if n >= 0 && w.near[n].At >= 0 {
			w.kept = append(w.kept, n)
		}
	}
	return func(i int) (string, error) { return w.reason(w.rows[i]), nil }, nil, nil
}

func (w *similarity) reason(prompt int32) string {
	switch {
	case prompt < 0:
		return "asked-already"
	case w.near[prompt].At == unchecked:
		return "unverified:refused"
	case w.near[prompt].At < 0 && w.Keep == keepNear:
		return "far"
	case w.near[prompt].At >= 0 && w.Keep == keepFar:
		return "similar"
	}
	return ""
}

// like says what the i-th row that was seen is like.
func (w *similarity) like(i int) json.RawMessage {
	if w.rows[i] < 0 || w.near[w.rows[i]].At < 0 {
		return nil
	}
	text, cosine := w.nearest(w.rows[i])
	return encode(map[string]any{"dataset": w.Against, "prompt": text, "cosine": cosine})
}

func (w *similarity) nearest(prompt int32) (text string, cosine float64) {
	n := w.near[prompt]
	return w.texts[n.At], math.Round(1000*float64(n.Cosine)) / 1000
}

// asked counts the different texts that the model was given.
func (w *similarity) asked() r1.FunnelAsked {
	return r1.FunnelAsked{Model: w.Model, Texts: w.set.Len() + w.prompts.len()}
}

// similarAsking makes questions of the rows that are left.
type similarAsking struct{ *similarity }

func (a *similarAsking) groups() []int { return ones(len(a.kept)) }

func (a *similarAsking) join(n int, rows []*row) {
	text, cosine := a.nearest(a.kept[n])
	rows[0].askWhether(text, cosine)
}
