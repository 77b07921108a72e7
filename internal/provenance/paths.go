package provenance

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// WithoutFolders takes the folders out of local paths in parameters: what goes out need
// not tell how the machine of its maker is laid out. Names stay.
func (r *Record) WithoutFolders() error {
	var err error
	if r.Params, err = withoutFolders(r.Params); err != nil {
		return err
	}
	behind := make([]Step, len(r.Behind))
	for i, s := range r.Behind {
		if s.Params, err = withoutFolders(s.Params); err != nil {
			return err
		}
		behind[i] = s
	}
	r.Behind = behind
	return nil
}

// located are parameters that may be a local path.
var located = map[string]bool{"source": true, "address": true, "to": true, "python": true, "file": true, "path": true}

func withoutFolders(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	changed := false
	var walk func(v any)
	walk = func(v any) {
		switch t := v.(type) {
		case map[string]any:
			for key, value := range t {
				if s, ok := value.(string); ok && located[key] && filepath.IsAbs(s) {
					t[key], changed = filepath.Base(s), true
				} else {
					walk(value)
				}
			}
		case []any:
			for _, e := range t {
				walk(e)
			}
		}
	}
	if walk(v); !changed {
		return raw, nil // as it is written
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write parameters: %w", err)
	}
	return out, nil
}
