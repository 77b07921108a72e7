package retention

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// Sorts of items.
const (
	SortArtifact   = "artifact"
	SortCheckpoint = "checkpoint"
	SortLeftover   = "leftover" // what an attempt wrote that came to nothing
)

// Item is something that may go.
type Item struct {
	Sort    string `json:"sort"`
	Run     string `json:"run"`
	Stage   string `json:"stage"`
	Job     string `json:"job"`
	Attempt int    `json:"attempt"`
	Prefix  string `json:"prefix"`
	Why     string `json:"why"`
	Bytes   int64  `json:"bytes"`   // that will be free
	Objects int    `json:"objects"` // that will be removed
	// Shared are the bytes that stay, because other artifacts point to them.
	Shared int64 `json:"shared_bytes,omitempty"`

	keys []string // what goes; the one that makes it whole comes first
	over bool     // the run has ended
}

// Found is the outcome of a survey.
type Found struct {
	Items []Item `json:"items"`
	Bytes int64  `json:"bytes"`
	Runs  int    `json:"runs"` // that were looked at
	Kept  int64  `json:"kept"` // bytes of artifacts and checkpoints that stay
	Asked Policy `json:"-"`
}

// Survey decides what is not needed. It only reads.
func Survey(ctx context.Context, s Store, p Policy, open Open, now time.Time) (*Found, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	// Newest first.
	list, err := runs.List(ctx, s)
	if err != nil {
		return nil, err
	}
	var views []*view
	for _, e := range list {
		v, err := look(ctx, s, e.Run, open)
		if err != nil {
			return nil, fmt.Errorf("look at run %s: %w", e.Run, err)
		}
		views = append(views, v)
	}
	p.giveUp(views, now)
	d := &decision{policy: p, now: now, views: views, kept: map[string]bool{}, dropped: map[string]string{}}
	d.commits()
	if d.live, err = referred(ctx, s, views, d.kept); err != nil {
		return nil, err
	}
	return d.found(), nil
}

// giveUp marks the runs that may go as a whole.
func (p *Policy) giveUp(views []*view, now time.Time) {
	if p.OlderThan <= 0 && p.KeepLast <= 0 {
		return
	}
	newer := map[string]int{} // runs that ended, by recipe
	for _, v := range views {
		if !v.over {
			continue
		}
		newer[v.run.Recipe]++
		old := p.OlderThan <= 0 || now.Sub(v.ended) > p.OlderThan
		beyond := p.KeepLast <= 0 || newer[v.run.Recipe] > p.KeepLast
		if old && beyond {
			v.giveUp = fmt.Sprintf("the run ended on %s", v.ended.Local().Format(time.DateOnly))
			if p.KeepLast > 0 {
				v.giveUp += fmt.Sprintf(", and %d newer ones of its recipe stay", p.KeepLast)
			}
		}
	}
}

// decision is a survey on its way.
type decision struct {
	policy  Policy
	now     time.Time
	views   []*view
	kept    map[string]bool   // prefixes of artifacts that a commit needs
	dropped map[string]string // those that some commit gives up, with the reason
	live    map[string]bool   // keys of objects that something which stays points to
}

// commits decides on every artifact that a commit names: one commit that needs it
// is enough to keep it.
func (d *decision) commits() {
	wanted := map[string]bool{}   // fingerprints that runs which are not over may still reuse
	taken := map[r1.JobKey]bool{} // commits that they take over as they are
	for _, v := range d.views {
		for job := range v.jobs() {
			if _, done := v.commits[r1.JobKey{Run: v.run.ID, Stage: job.Stage, Job: job.Name}]; !done && !v.over {
				wanted[job.Fingerprint] = true
				if job.Take != nil {
					taken[job.Take.JobKey] = true
				}
			}
		}
	}
	for _, v := range d.views {
		for key, c := range v.commits {
			for name, a := range c.Outputs {
				why := d.givenUp(v, key, c, name, a)
				if why == "" || wanted[c.Fingerprint] || taken[key] {
					d.kept[a.Prefix] = true
				} else if _, ok := d.dropped[a.Prefix]; !ok {
					d.dropped[a.Prefix] = why
				}
			}
		}
	}
}

// givenUp says why a run does not need an output that it has committed; "" is: it does.
func (d *decision) givenUp(v *view, key r1.JobKey, c r1.Commit, name string, a r1.Artifact) string {
	if v.giveUp != "" {
		return v.giveUp
	}
	if v.needs(key, name) {
		return ""
	}
	rule, l := d.policy.of(key.Stage, c.Kind, a.Type)
	switch {
	case l.keep:
		return ""
	case l.age == 0:
		return fmt.Sprintf("%s: %s", rule, l.text)
	case d.now.Sub(c.Ended) > l.age:
		return fmt.Sprintf("%s: %s, committed on %s", rule, l.text, c.Ended.Local().Format(time.DateOnly))
	}
	return ""
}

// needs tells whether a job of the run that is not committed takes the output. A
// run that failed or was cancelled may be resumed, and so counts.
func (v *view) needs(key r1.JobKey, name string) bool {
	for job := range v.jobs() {
		if _, done := v.commits[r1.JobKey{Run: v.run.ID, Stage: job.Stage, Job: job.Name}]; done {
			continue
		}
		for _, from := range job.Inputs {
			if from.Stage == key.Stage && from.Job == key.Job && from.Output == name {
				return true
			}
		}
	}
	return false
}

// dead tells whether nothing can come of an attempt any more, and why: its job has
// a commit of another attempt, or it failed. One that left no result while its run
// goes on may still be writing.
func (v *view) dead(a r1.AttemptKey) string {
	c, committed := v.commits[a.JobKey]
	res, ended := v.results[a]
	switch {
	case v.giveUp != "":
		return v.giveUp
	case committed && c.Attempt == a.Attempt && c.ReusedFrom == nil:
		return ""
	case committed && (ended || v.over):
		return "another attempt of the job is committed"
	case ended && res.Outcome != r1.Succeeded:
		return "the attempt failed"
	}
	return ""
}

// found lists what may go, with the objects that nothing else points to.
func (d *decision) found() *Found {
	out := &Found{Items: []Item{}, Runs: len(d.views), Asked: d.policy}
	live := d.live
	type candidate struct {
		v    *view
		item Item
		keys []string
	}
	var all []candidate
	for _, v := range d.views {
		for prefix, o := range v.outputs {
			m, whole := v.stored[prefix]
			sort, why := d.fate(v, prefix, o, whole)
			if why == "" {
				for _, f := range m.Files {
					live[f.Key] = true
				}
				if !whole {
					for key := range v.below(prefix) {
						live[key] = true
					}
				}
				continue
			}
			keys := slices.Collect(v.below(prefix))
			if whole {
				keys = ownKeys(prefix, m)
			}
			all = append(all, candidate{v, item(sort, o.attempt, prefix, why), keys})
		}
		kept := map[r1.JobKey]int{}
		for _, c := range v.saved {
			why := d.spent(v, c, kept)
			if why == "" {
				for _, f := range c.files {
					live[f.Key] = true
				}
				continue
			}
			complete := c.prefix + "/" + r1.CompleteFile
			keys := slices.Collect(v.below(c.prefix))
			slices.SortFunc(keys, func(a, b string) int { // COMPLETE goes first
				return cmp.Or(cmp.Compare(b2i(b == complete), b2i(a == complete)), cmp.Compare(a, b))
			})
			all = append(all, candidate{v, item(SortCheckpoint, c.attempt, c.prefix, why), keys})
		}
	}
	for _, c := range all {
		for _, key := range c.keys {
			size, there := c.v.objects[key]
			switch {
			case !there:
			case live[key]:
				c.item.Shared += size
			default:
				c.item.keys = append(c.item.keys, key)
				c.item.Bytes += size
				c.item.Objects++
			}
		}
		c.item.over = c.v.over
		if c.item.Objects > 0 {
			out.Items = append(out.Items, c.item)
			out.Bytes += c.item.Bytes
		}
	}
	sort.Slice(out.Items, func(i, j int) bool { return out.Items[i].Prefix < out.Items[j].Prefix })
	out.Kept = d.total() - out.Bytes
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func item(sort string, a r1.AttemptKey, prefix, why string) Item {
	return Item{Sort: sort, Run: a.Run, Stage: a.Stage, Job: a.Job, Attempt: a.Attempt, Prefix: prefix, Why: why}
}

// ownKeys are the objects of an artifact that lie below it, the manifest first. What
// else lies there is not ours.
func ownKeys(prefix string, m r1.Manifest) []string {
	keys := []string{prefix + "/" + r1.ManifestFile}
	for _, f := range m.Files {
		if f.Key == prefix+"/"+f.Path {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// fate says why what lies below an output's prefix may go; "" is: it stays.
func (d *decision) fate(v *view, prefix string, o output, whole bool) (sort, why string) {
	if d.kept[prefix] {
		if r, gone := v.removed.Artifacts[prefix]; gone && !whole {
			return SortArtifact, r.Why // a collection began with it; what was shared then may be free now
		}
		return "", ""
	}
	if why, ok := d.dropped[prefix]; ok {
		return SortArtifact, why
	}
	return SortLeftover, v.dead(o.attempt)
}

// spent says why a checkpoint may go; "" is: it stays. kept counts those of a job.
func (d *decision) spent(v *view, c checkpoint, kept map[r1.JobKey]int) string {
	job := c.attempt.JobKey
	_, committed := v.commits[job]
	switch {
	case v.giveUp != "":
		return v.giveUp
	case !committed:
		return "" // the job goes on from one of them
	case !c.whole:
		if _, ended := v.results[c.attempt]; ended || v.over {
			return "the checkpoint is not complete"
		}
		return ""
	}
	keep := d.policy.checkpoints(c.attempt.Stage)
	if keep < 0 || kept[job] < keep {
		kept[job]++
		return ""
	}
	return fmt.Sprintf("the job is committed, and %d of its checkpoints stay", keep)
}

// total is all bytes of outputs and checkpoints.
func (d *decision) total() int64 {
	var n int64
	for _, v := range d.views {
		for prefix := range v.outputs {
			for key := range v.below(prefix) {
				n += v.objects[key]
			}
		}
		for _, c := range v.saved {
			for key := range v.below(c.prefix) {
				n += v.objects[key]
			}
		}
	}
	return n
}
