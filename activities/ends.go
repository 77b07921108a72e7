package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// ends counts how the attempts of a job have failed, by class: what the newest
// one's spec says of those before it, and how it failed itself. The workflow knows
// that of an attempt that left no result.
func (a *Activities) ends(ctx context.Context, in tasks.PrepareInput, attempts []int) (map[r1.Class]int, error) {
	if len(attempts) == 0 {
		return nil, nil
	}
	newest := attempts[len(attempts)-1]
	var spec r1.Spec
	if err := a.Store.GetJSON(ctx, specKey(in.JobRef, newest), &spec); err != nil && !errors.Is(err, r1.ErrNotFound) {
		return nil, fmt.Errorf("read the spec of %s: %w", in.Key().Attempt(newest), err)
	}
	class := in.Class
	if class == "" || in.After != newest {
		res, err := a.result(ctx, in.Layout(), in.Key().Attempt(newest))
		if err != nil && !errors.Is(err, r1.ErrNotFound) {
			return nil, err
		}
		class = res.Class
	}
	ends := maps.Clone(spec.Ends)
	if class != "" {
		if ends == nil {
			ends = map[r1.Class]int{}
		}
		ends[class]++
	}
	return ends, nil
}
