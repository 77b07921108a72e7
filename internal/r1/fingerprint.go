package r1

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
)

// SemanticsVersion is raised for a kind when the same parameters start to give
// another result, so that old results are not reused.
func SemanticsVersion(k Kind) int {
	switch k {
	case KindEvaluate:
		return 2 // intervals of every rate, and each domain's numbers in the summary
	default:
		return 1
	}
}

// FingerprintInputs is all that identifies a job's result. Paths, resources
// and launchers are not part of it.
type FingerprintInputs struct {
	Kind      Kind              `json:"kind"`
	Semantics int               `json:"semantics"`
	Params    json.RawMessage   `json:"params"`
	Seed      int64             `json:"seed"`
	FromStep  int               `json:"from_step"`
	ToStep    int               `json:"to_step"`
	Outputs   []string          `json:"outputs"` // names: a job that also keeps its state is another job
	Inputs    map[string]string `json:"inputs"`  // input name -> producer's fingerprint and output name
	Sources   map[string]string `json:"sources"` // external source address -> content digest or pinned revision
}

// Fingerprint is the sha256 of the canonical JSON of in.
func Fingerprint(in FingerprintInputs) (string, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return "", fmt.Errorf("encode fingerprint: %w", err)
	}
	canon, err := CanonicalJSON(raw)
	if err != nil {
		return "", fmt.Errorf("encode fingerprint: %w", err)
	}
	sum := sha256.Sum256(canon)
	return hex.EncodeToString(sum[:]), nil
}

// CanonicalJSON rewrites JSON with sorted keys, no insignificant space, and
// numbers as written but normalised through their shortest float64 form when
// they are not integers, so that 1e-4 and 0.0001 are equal.
func CanonicalJSON(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := writeCanonical(&buf, v); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func writeCanonical(buf *bytes.Buffer, v any) error {
	switch t := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(t))
		for k := range t {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		buf.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				buf.WriteByte(',')
			}
			if err := writeCanonical(buf, k); err != nil {
				return err
			}
			buf.WriteByte(':')
			if err := writeCanonical(buf, t[k]); err != nil {
				return err
			}
		}
		buf.WriteByte('}')
	case []any:
		buf.WriteByte('[')
		for i, e := range t {
			if i > 0 {
				buf.WriteByte(',')
			}
			if err := writeCanonical(buf, e); err != nil {
				return err
			}
		}
		buf.WriteByte(']')
	case json.Number:
		if i, err := t.Int64(); err == nil {
			fmt.Fprintf(buf, "%d", i)
			return nil
		}
		f, err := t.Float64()
		if err != nil {
			return fmt.Errorf("number %s has no stable form: %w", t, err)
		}
		if f == float64(int64(f)) && f < 1<<53 && f > -(1<<53) {
			fmt.Fprintf(buf, "%d", int64(f))
			return nil
		}
		b, err := json.Marshal(f)
		if err != nil {
			return err
		}
		buf.Write(b)
	default: // string, bool, nil
		b, err := json.Marshal(t)
		if err != nil {
			return err
		}
		buf.Write(b)
	}
	return nil
}

// ContentDigest is the digest of an artifact's content: the sha256 over
// "path NUL size NUL sha256 LF" of its files sorted by path. Where the bytes lie, who
// made them and when does not enter it.
func ContentDigest(files []ManifestEntry) string {
	sorted := append([]ManifestEntry(nil), files...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Path < sorted[j].Path })
	h := sha256.New()
	for _, f := range sorted {
		fmt.Fprintf(h, "%s\x00%d\x00%s\n", f.Path, f.Size, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}
