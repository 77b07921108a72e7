package chat

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Failure is what ends a job: asked again, it would end the same way, or the
// endpoint was away for too long.
type Failure struct {
	Class r1.Class
	Err   *r1.Error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the named error.
func (f *Failure) Unwrap() error { return f.Err }

// Refused is the endpoint's word that it does not answer this request.
type Refused struct {
	// Filtered says that it is for what the request says. Otherwise the request may be
	// malformed, as all others then are.
	Filtered bool
	Detail   string
}

func (r *Refused) Error() string { return "the endpoint refused the request: " + r.Detail }

// outcome is what an answer's status and body mean.
type outcome int

const (
	succeeds outcome = iota
	passing          // asked again, it may be answered
	refused          // this request
	filtered         // this request, for what it says
	noKey
	noMoney
	noModel
	tooLong
	noRequest // any request like this
)

// signs are words of an error by which endpoints tell what is meant, in lower case.
var signs = []struct {
	means outcome
	words []string
}{
	{filtered, []string{"content_filter", "content_policy", "content policy", "content management policy", "invalid_prompt", "content exists risk", "safety system", "data_inspection_failed"}},
	{noMoney, []string{"insufficient_quota", "insufficient balance", "insufficient_balance", "exceeded your current quota", "billing"}},
	{tooLong, []string{"context_length_exceeded", "maximum context length", "context length", "context window", "max_model_len", "prompt is too long"}},
	{noModel, []string{"model_not_found", "does not exist", "model not exist", "unknown model", "no such model"}},
}

// classify reads what an answer means from its status, and where that says too
// little from its words.
func classify(status int, body []byte) outcome {
	text := strings.ToLower(string(body[:min(len(body), 8<<10)]))
	is := func(means outcome) bool {
		for _, sign := range signs {
			for _, word := range sign.words {
				if sign.means == means && strings.Contains(text, word) {
					return true
				}
			}
		}
		return false
	}
	switch {
	case status == http.StatusOK:
		return succeeds
	case status == http.StatusTooManyRequests:
		if is(noMoney) {
			return noMoney
		}
		return passing
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly, status >= 500:
		return passing
	case status == http.StatusUnauthorized, status == http.StatusForbidden && !is(filtered):
		return noKey
	case status == http.StatusPaymentRequired:
		return noMoney
	case status == http.StatusNotFound:
		return noModel
	case status == http.StatusRequestEntityTooLarge:
		return tooLong
	case status == http.StatusBadRequest, status == http.StatusForbidden, status == http.StatusUnprocessableEntity:
		for _, means := range []outcome{filtered, tooLong, noMoney, noModel} {
			if is(means) {
				return means
			}
		}
		return refused
	}
	return noRequest
}

// permanent is the error of an outcome that no further try changes.
func permanent(o outcome, address string, status int, text string) *r1.Error {
	detail := fmt.Sprintf("%s says %d: %s", address, status, text)
	switch o {
	case noKey:
		return &r1.Error{Name: "endpoint-key", Detail: detail,
			Remedy: "give a key that this endpoint takes in the variable that the endpoint's key_env names, where the engine runs; then r1ctl retry RUN STAGE"}
	case noMoney:
		return &r1.Error{Name: "endpoint-payment", Detail: detail,
			Remedy: "raise the balance or quota of the account; then r1ctl retry RUN STAGE: what was answered is kept and not asked again"}
	case noModel:
		return &r1.Error{Name: "endpoint-model", Detail: detail,
			Remedy: "check params.model, and that the endpoint's url ends where /chat/completions begins, often in /v1"}
	case tooLong:
		return &r1.Error{Name: "endpoint-context", Detail: detail,
			Remedy: "lower max_tokens, or leave long prompts out (curate, step length): prompt and max_tokens must fit the model's context"}
	default:
		return NotAsked(detail)
	}
}

// NotAsked is the error of a request that the endpoint does not take, whatever it asks.
func NotAsked(detail string) *r1.Error {
	return &r1.Error{Name: "endpoint-request", Detail: detail,
		Remedy: "correct the stage's parameters (request, temperature, top_p, max_tokens, template) to what the endpoint takes"}
}
