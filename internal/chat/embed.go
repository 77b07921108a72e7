package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
)

// Vectors are those of the texts of one request, in the order of the texts.
type Vectors struct {
	Of     [][]float32 // all of one length; finite, and none of them 0
	Tokens int         // that the endpoint says it took; 0 where it does not
}

// Embed sends the body of a request for the embeddings of n texts. Answers are tried
// again as those of Complete are, and so is one that has not exactly n vectors, whatever
// their order. The error is *Refused (which a text that is too long for the model is
// too), *Failure, or that of ctx.
func (c *Client) Embed(ctx context.Context, body []byte, n int) (v Vectors, err error) {
	t := c.try("embeddings", "embeddings")
	t.long = true
	t.read = func(body []byte) (problem string) {
		v, problem = parseVectors(body, n)
		return problem
	}
	if err := c.ask(ctx, t, body); err != nil {
		return Vectors{}, err
	}
	return v, nil
}

// parseVectors reads a list of embeddings, or says why it is none of n texts.
func parseVectors(body []byte, n int) (v Vectors, problem string) {
	var answer struct {
		Data []struct {
			Index     *int      `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return v, "an answer that is no JSON of embeddings: " + shorten(string(body))
	}
	if len(answer.Data) != n {
		return v, fmt.Sprintf("%d embeddings for %d texts", len(answer.Data), n)
	}
	v = Vectors{Of: make([][]float32, n), Tokens: took(body)}
	for i, one := range answer.Data {
		if one.Index != nil {
			i = *one.Index
		}
		switch {
		case i < 0 || i >= n:
			return v, fmt.Sprintf("an embedding with index %d for %d texts", i, n)
		case v.Of[i] != nil:
			return v, fmt.Sprintf("two embeddings with index %d", i)
		case len(one.Embedding) != len(answer.Data[0].Embedding):
			return v, fmt.Sprintf("embeddings of %d and of %d numbers in one answer", len(answer.Data[0].Embedding), len(one.Embedding))
		case !(length(one.Embedding) > 0): // nor is it NaN
			return v, fmt.Sprintf("the embedding with index %d has no direction", i)
		}
		v.Of[i] = one.Embedding
	}
	return v, ""
}

// length is that of a vector; NaN or infinity is a number, of which JSON has none.
func length(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}
