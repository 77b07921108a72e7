package workflows

import (
	"go.temporal.io/sdk/workflow"
)

// node is a unit of a DAG walk: a stage of a run, or a job of a stage.
type node struct {
	name  string
	needs []string
}

// walk runs every node as soon as all it needs has succeeded, independent
// nodes side by side. Nodes behind a failed one are skipped; the others still
// run, so that one failure costs no more than it must. It returns each node's
// error by name; skipped nodes are in skipped.
func walk(ctx workflow.Context, nodes []node, run func(workflow.Context, string) error) (failed map[string]error, skipped []string) {
	const pending, running, done, bad = 0, 1, 2, 3
	state := make(map[string]int, len(nodes))
	for _, n := range nodes {
		state[n.name] = pending
	}
	failed = map[string]error{}
	results := workflow.NewNamedChannel(ctx, "walk")
	type result struct {
		name string
		err  error
	}
	active := 0
	for {
		for changed := true; changed; {
			changed = false
			for _, n := range nodes {
				if state[n.name] != pending {
					continue
				}
				ready, blocked := true, false
				for _, need := range n.needs {
					switch state[need] {
					case bad:
						blocked = true
					case pending, running:
						ready = false
					}
				}
				switch {
				case blocked:
					state[n.name] = bad
					skipped = append(skipped, n.name)
					changed = true
				case ready:
					state[n.name] = running
					active++
					workflow.GoNamed(ctx, n.name, func(ctx workflow.Context) {
						err := run(ctx, n.name)
						results.Send(ctx, result{n.name, err})
					})
				}
			}
		}
		if active == 0 {
			return failed, skipped
		}
		// Received with a context that cancellation does not end: every node
		// answers, and its answer must not be lost while it tears down.
		detached, _ := workflow.NewDisconnectedContext(ctx)
		var r result
		results.Receive(detached, &r)
		active--
		state[r.name] = done
		if r.err != nil {
			state[r.name] = bad
			failed[r.name] = r.err
		}
	}
}
