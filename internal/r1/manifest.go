package r1

import (
	"fmt"
	"time"
)

// Manifest describes an artifact. It is written last, so an artifact with a
// manifest is complete. The artifact's digest is the ContentDigest of its files.
type Manifest struct {
	Version  int             `json:"version"` // ManifestVersion
	Name     string          `json:"name"`    // "<stage>.<output>"
	Type     ArtifactType    `json:"type"`
	Producer AttemptKey      `json:"producer"`
	Created  time.Time       `json:"created"`
	Files    []ManifestEntry `json:"files"` // sorted by path
}

// ManifestVersion is the version written today.
const ManifestVersion = 1

// ManifestEntry is one file of an artifact.
type ManifestEntry struct {
	Path   string `json:"path"` // relative, slash-separated, canonical
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Key    string `json:"key"` // the object that holds it, in the same bucket
}

// Bytes is the sum of the file sizes.
func (m *Manifest) Bytes() int64 {
	var n int64
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Artifact is a reference to a committed artifact: what travels through
// Temporal instead of data.
type Artifact struct {
	Name   string       `json:"name"`
	Type   ArtifactType `json:"type"`
	URI    string       `json:"uri"`    // s3://bucket/prefix, what a person can list and copy
	Prefix string       `json:"prefix"` // the same without the bucket
	SHA256 string       `json:"sha256"` // of the content: paths, sizes and digests (see ContentDigest)
	Bytes  int64        `json:"bytes"`
	Files  int          `json:"files"`
}

// Commit is the one record that says a job is done. It is written with
// If-None-Match: the first complete attempt wins.
type Commit struct {
	Version     int                 `json:"version"`
	Key         JobKey              `json:"key"`
	Kind        Kind                `json:"kind"`
	Fingerprint string              `json:"fingerprint"`
	Attempt     int                 `json:"attempt"` // the attempt that won; 0 when reused
	Outputs     map[string]Artifact `json:"outputs"`
	Metrics     map[string]float64  `json:"metrics,omitempty"`
	Funnel      *Funnel             `json:"funnel,omitempty"`
	Steps       int                 `json:"steps,omitempty"`
	Started     time.Time           `json:"started"`
	Ended       time.Time           `json:"ended"`
	Timing      *Timing             `json:"timing,omitempty"` // of the winning attempt
	Usage       *Usage              `json:"usage,omitempty"`
	Warnings    []Warning           `json:"warnings,omitempty"` // of its guards, the newest ones
	// Rollbacks are those that it was made with: its parameters were not those of
	// the plan to the end.
	Rollbacks []Rollback `json:"rollbacks,omitempty"`
	// ReusedFrom is the job whose commit this one repeats, when nothing was run.
	ReusedFrom *JobKey `json:"reused_from,omitempty"`
	// Made is the provenance of the outputs: what they were made with and of.
	Made *Made `json:"made,omitempty"`
	// Apart says that no other run takes this commit by its fingerprint.
	Apart bool `json:"apart,omitempty"`
}

// Funnel counts rows through a stage: In = Kept + the sum of Dropped.
type Funnel struct {
	In      int           `json:"in"`
	Kept    int           `json:"kept"`
	Dropped []FunnelCount `json:"dropped,omitempty"` // in the order of the filters
	Sources []FunnelCount `json:"sources,omitempty"` // rows in, by source
	// TokensIn and TokensKept are of the responses, as the sampler counted them; 0 where
	// rows do not say.
	TokensIn   int64 `json:"tokens_in,omitempty"`
	TokensKept int64 `json:"tokens_kept,omitempty"`
	// Unverified counts rows in whose verdict is unverified.
	Unverified int `json:"unverified,omitempty"`
	// Verdicts are those of samples that were just made, by label and reason.
	Verdicts []FunnelCount `json:"verdicts,omitempty"`
	// Domains are the same counts by domain, in the order of their names. Rows that could
	// not be read have none.
	Domains []FunnelDomain `json:"domains,omitempty"`
	// Short are the targets that the rows did not reach.
	Short []FunnelShort `json:"short,omitempty"`
	// Asked is what steps had models do.
	Asked []FunnelAsked `json:"asked,omitempty"`
	// Origins are the sources from outside, as they were when they were read.
	Origins []SourceRecord `json:"origins,omitempty"`
}

// FunnelDomain counts the rows of a domain: In = Kept + the sum of Dropped.
type FunnelDomain struct {
	Name       string        `json:"name"`
	In         int           `json:"in"`
	Kept       int           `json:"kept"`
	TokensIn   int64         `json:"tokens_in,omitempty"`
	TokensKept int64         `json:"tokens_kept,omitempty"`
	Unverified int           `json:"unverified,omitempty"`
	Dropped    []FunnelCount `json:"dropped,omitempty"`
	Verdicts   []FunnelCount `json:"verdicts,omitempty"`
}

// FunnelAsked counts the different texts that a step gave a model: what was known from an
// earlier run is among them.
type FunnelAsked struct {
	Name  string `json:"name"` // of the step
	Model string `json:"model"`
	Texts int    `json:"texts"`
}

// FunnelShort is a target that was not reached: Name is that of a step and a group, such
// as cap:math.
type FunnelShort struct {
	Name string `json:"name"`
	Want int    `json:"want"`
	Have int    `json:"have"`
}

// Problem says where the counts do not add up; "" where they do.
func (f *Funnel) Problem() string {
	if f.In != f.Kept+sumOf(f.Dropped) {
		return fmt.Sprintf("%d rows in are not %d kept and %d dropped", f.In, f.Kept, sumOf(f.Dropped))
	}
	if n := sumOf(f.Sources); len(f.Sources) > 0 && n != f.In {
		return fmt.Sprintf("%d rows in are not the %d of the sources", f.In, n)
	}
	if len(f.Domains) == 0 {
		return ""
	}
	kept, tokens := 0, int64(0)
	for _, d := range f.Domains {
		if d.In != d.Kept+sumOf(d.Dropped) || d.Kept < 0 {
			return fmt.Sprintf("domain %s: %d rows in are not %d kept and %d dropped", d.Name, d.In, d.Kept, sumOf(d.Dropped))
		}
		kept, tokens = kept+d.Kept, tokens+d.TokensKept
	}
	if kept != f.Kept || tokens != f.TokensKept {
		return fmt.Sprintf("%d rows and %d tokens kept are not the %d and %d of the domains", f.Kept, f.TokensKept, kept, tokens)
	}
	return ""
}

func sumOf(counts []FunnelCount) int {
	n := 0
	for _, c := range counts {
		n += c.Rows
	}
	return n
}

// SourceRecord says what data from outside the run was when it was read.
type SourceRecord struct {
	Name     string `json:"name"`
	Address  string `json:"address"`            // of a local path the last part alone
	Revision string `json:"revision,omitempty"` // the commit that was read, or what the recipe calls it
	Licence  string `json:"licence,omitempty"`  // as the source says, else as the recipe does
	Compared bool   `json:"compared,omitempty"` // rows were compared with it; it gave none
	Files    int    `json:"files"`
	Bytes    int64  `json:"bytes"` // as stored
	Rows     int    `json:"rows"`
	// SHA256 is that of the file, of several their ContentDigest.
	SHA256 string `json:"sha256"`
}

// FunnelCount is a count with the filter or source it belongs to.
type FunnelCount struct {
	Name   string `json:"name"`
	Reason string `json:"reason,omitempty"`
	Rows   int    `json:"rows"`
}

// Removed is the record of what garbage collections removed of a run.
type Removed struct {
	Artifacts map[string]Removal `json:"artifacts"` // by prefix
}

// Removal is one of them.
type Removal struct {
	At  time.Time `json:"at"`
	By  string    `json:"by,omitempty"`
	Why string    `json:"why"`
}
