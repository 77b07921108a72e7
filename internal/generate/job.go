package generate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/prompts"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// job is job.json with its paths made whole.
type job struct {
	r1.JobFile
	dir      string
	key      r1.AttemptKey
	params   params
	template prompts.Template
}

// params are those of a sample job that asks an endpoint.
type params struct {
	Template    json.RawMessage            `json:"template"`
	Samples     int                        `json:"samples_per_prompt"`
	Temperature float64                    `json:"temperature"`
	TopP        float64                    `json:"top_p"`
	MaxTokens   int                        `json:"max_tokens"`
	Rewards     []json.RawMessage          `json:"rewards"`
	Endpoint    string                     `json:"endpoint"`
	Model       string                     `json:"model"`
	Request     map[string]json.RawMessage `json:"request"`
	Shard       *shard                     `json:"shard"`
}

// shard is which part of the prompts is the job's.
type shard struct {
	Index int `json:"index"`
	Of    int `json:"of"`
}

// part is the range of a job's prompts among n.
func (s *shard) part(n int) (from, to int) {
	if s == nil {
		return 0, n
	}
	return s.Index * n / s.Of, (s.Index + 1) * n / s.Of
}

// loadJob reads job.json. What is wrong with it is of class config.
func loadJob(file string) (*job, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, misfit("the job file cannot be read: %v", err)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, misfit("%v", err)
	}
	j := &job{dir: dir}
	if err := json.Unmarshal(raw, &j.JobFile); err != nil {
		return j, misfit("%s is no job file: %v", file, err)
	}
	if err := json.Unmarshal(j.Params, &j.params); err != nil {
		return j, misfit("%s: params: %v", file, err)
	}
	if j.key, err = r1.ParseAttemptKey(j.Key); err != nil {
		return j, misfit("%s: %v", file, err)
	}
	p := j.params
	switch {
	case j.Version != 1 || j.Kind != r1.KindSample:
		return j, misfit("%s is a job of version %d and kind %q, and this generator serves version 1, kind sample", file, j.Version, j.Kind)
	case p.Endpoint == "" || p.Model == "":
		return j, misfit("%s names no endpoint and model", file)
	case p.Shard != nil && (p.Shard.Index < 0 || p.Shard.Index >= p.Shard.Of):
		return j, misfit("%s: shard %d of %d", file, p.Shard.Index, p.Shard.Of)
	case p.Samples < 1 || p.MaxTokens < 1 || p.Temperature < 0 || p.TopP <= 0 || p.TopP > 1:
		return j, misfit("%s: samples_per_prompt, max_tokens, temperature or top_p is out of range", file)
	case j.Inputs["prompts"].Path == "" || j.Outputs["samples"].Path == "":
		return j, misfit("%s has no input prompts or no output samples", file)
	case j.RewardURL == "":
		return j, misfit("%s has no reward_url", file)
	}
	if j.template, err = prompts.Parse(p.Template); err != nil {
		return j, misfit("%v", err)
	}
	if j.template.Prefill != "" {
		return j, misfit("params.template: an endpoint cannot begin a response")
	}
	return j, nil
}

func misfit(format string, args ...any) error {
	return &Failure{Class: r1.ClassConfig, Err: &r1.Error{Name: "generate-job", Detail: fmt.Sprintf(format, args...),
		Remedy: "run the same r1ctl version on the machines and in the controller; docs/job-contract.md says what a job is"}}
}

func (j *job) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(j.dir, p)
}

// request is the body of a request: the same bytes for the same question.
func (j *job) request(turns []prompts.Turn) []byte {
	p := j.params
	body := map[string]any{"model": p.Model, "messages": turns, "temperature": p.Temperature, "max_tokens": p.MaxTokens}
	if p.TopP < 1 { // some endpoints take one of the two alone
		body["top_p"] = p.TopP
	}
	for name, value := range p.Request {
		body[name] = value
		if name == "max_completion_tokens" { // the newer name, and they exclude each other
			delete(body, "max_tokens")
		}
	}
	return encode(body)
}

// digest names an answer: what was asked, and the number among those who ask the
// same. The seed makes those of another seed draws of their own.
type digest [16]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

func (j *job) digest(body []byte, number int) digest {
	h := sha256.New()
	fmt.Fprintf(h, "%d/%d/", j.Seed, number)
	h.Write(body)
	return digest(h.Sum(nil))
}

// scope names what all answers of a job have in common, so that only those are
// looked through that may be of use.
func (j *job) scope() string {
	sum := sha256.Sum256(fmt.Appendf(j.request(nil), "/%d", j.Seed))
	return hex.EncodeToString(sum[:8])
}

// identity tells a checkpoint of this job from one of another.
func (j *job) identity(problems int) string {
	var bears map[string]json.RawMessage
	_ = json.Unmarshal(j.Params, &bears) // it was read before
	bears = maps.Clone(bears)
	delete(bears, "endpoint")
	raw, err := r1.CanonicalJSON(encode(bears))
	if err != nil {
		raw = j.Params
	}
	sum := sha256.Sum256(fmt.Appendf(raw, "/%d/%d", j.Seed, problems))
	return hex.EncodeToString(sum[:])
}

// Failure is how a job fails, with its class.
type Failure struct {
	Class r1.Class
	Err   *r1.Error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the named error.
func (f *Failure) Unwrap() error { return f.Err }
