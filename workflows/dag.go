package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"
)

// node is a unit of a DAG walk: a stage of a run, or a job of a stage.
type node struct {
	name  string
	needs []string
}

type nodeState int

const (
	nodePending nodeState = iota
	nodeRunning
	nodeDone
	nodeFailed
	nodeSkipped // something it needs failed
)

// walker runs every node as soon as all it needs has succeeded, independent
// nodes side by side. Nodes behind a failed one are skipped; the others still
// run, so that one failure costs no more than it must. A failed node can be put
// back while the walk goes on.
type walker struct {
	nodes  []node
	held   func() bool // while it says true, no further node starts
	left   func() bool // when it says true, the walk is left as it is; nil: never
	state  map[string]nodeState
	errors map[string]error // of failed nodes
	active int
	news   bool // something changed that may let nodes start, or end the walk
}

func newWalker(nodes []node, held func() bool) *walker {
	return &walker{nodes: nodes, held: held, state: map[string]nodeState{}, errors: map[string]error{}}
}

// run walks until nothing runs and nothing can start any more, or it is to be
// left. A cancelled walk starts nothing, and waits for what runs to come to its end.
func (w *walker) run(ctx workflow.Context, do func(workflow.Context, string) error) {
	// Waited for with a context that cancellation does not end: every node answers,
	// and its answer must not be lost while it tears down.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	for {
		if w.leaves() {
			return
		}
		w.skip()
		for _, n := range w.nodes {
			if w.ready(n) && !w.held() && ctx.Err() == nil {
				w.start(ctx, n.name, do)
			}
		}
		waiting := ctx.Err() == nil && slices.ContainsFunc(w.nodes, w.ready)
		if w.active == 0 && !waiting {
			return
		}
		w.news = false
		_ = workflow.Await(detached, func() bool { // the detached context is never cancelled
			return w.news || w.leaves() || waiting && (!w.held() || ctx.Err() != nil)
		})
	}
}

func (w *walker) leaves() bool { return w.left != nil && w.left() }

func (w *walker) start(ctx workflow.Context, name string, do func(workflow.Context, string) error) {
	w.state[name] = nodeRunning
	w.active++
	workflow.GoNamed(ctx, name, func(ctx workflow.Context) {
		err := do(ctx, name)
		w.active--
		w.state[name] = nodeDone
		if err != nil {
			w.fail(name, err)
		}
		w.news = true
	})
}

func (w *walker) fail(name string, err error) {
	w.state[name], w.errors[name] = nodeFailed, err
}

// retry puts a failed node back, and what was skipped with it.
func (w *walker) retry(name string) {
	delete(w.errors, name)
	w.state[name] = nodePending
	for _, n := range w.skipped() {
		w.state[n] = nodePending
	}
	w.skip()
	w.news = true
}

// ready says whether a node may start.
func (w *walker) ready(n node) bool {
	if w.state[n.name] != nodePending {
		return false
	}
	for _, need := range n.needs {
		if w.state[need] != nodeDone {
			return false
		}
	}
	return true
}

// skip marks the nodes that cannot start any more, also those behind them.
func (w *walker) skip() {
	for changed := true; changed; {
		changed = false
		for _, n := range w.nodes {
			if w.state[n.name] != nodePending {
				continue
			}
			for _, need := range n.needs {
				if s := w.state[need]; s == nodeFailed || s == nodeSkipped {
					w.state[n.name] = nodeSkipped
					changed = true
					break
				}
			}
		}
	}
}

// done says whether every node has succeeded.
func (w *walker) done() bool {
	return !slices.ContainsFunc(w.nodes, func(n node) bool { return w.state[n.name] != nodeDone })
}

// skipped lists the nodes that never began, in order.
func (w *walker) skipped() []string {
	var names []string
	for _, n := range w.nodes {
		if w.state[n.name] == nodeSkipped {
			names = append(names, n.name)
		}
	}
	return names
}
