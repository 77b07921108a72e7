package generate

import (
	"context"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// refusal is a request that the endpoint did not take, and why it says.
type refusal struct {
	ask
	detail string
}

// doubts are refusals of which it is not known yet whether they are for what the
// row says, or for the form of every request: an answer to any other settles it. One of an
// earlier attempt does not: the key or the model may have changed since.
type doubts struct {
	sure    bool // that requests are answered now
	before  bool // that requests were answered in an earlier attempt
	waiting []refusal
}

// dispel says that requests can be answered, and gives what waited for that word.
func (d *doubts) dispel() []refusal {
	waiting := d.waiting
	d.sure, d.waiting = true, nil
	return waiting
}

// manyRefusals without one answer are no accident.
const manyRefusals = 8

// doubt takes a refusal that may be no fault of the row.
func (p *pipeline) doubt(a ask, no *chat.Refused) error {
	p.mu.Lock()
	sure := p.doubts.sure
	if !sure {
		p.doubts.waiting = append(p.doubts.waiting, refusal{a, no.Detail})
	}
	waiting := len(p.doubts.waiting)
	p.mu.Unlock()
	switch {
	case sure:
		return p.keep(a, entry{Refusal: no.Detail})
	case waiting >= manyRefusals:
		return notTaken(waiting, no.Detail)
	}
	return nil
}

// resolve is called when everything was asked. A few refusals among what earlier attempts got
// answered are for what the rows say; without any answer ever they are not.
func (p *pipeline) resolve(stop context.Context) error {
	p.mu.Lock()
	waiting, before := p.doubts.waiting, p.doubts.before
	p.mu.Unlock()
	n := len(waiting)
	if n == 0 || stop.Err() != nil {
		return nil
	}
	if !before {
		return notTaken(n, waiting[n-1].detail)
	}
	p.mu.Lock()
	p.doubts.waiting = nil
	p.mu.Unlock()
	for _, r := range waiting {
		if err := p.keep(r.ask, entry{Refusal: r.detail}); err != nil {
			return err
		}
	}
	return nil
}

func notTaken(n int, detail string) error {
	return &chat.Failure{Class: r1.ClassConfig, Err: chat.NotAsked(fmt.Sprintf("the endpoint refused all of the first %d requests: %s", n, detail))}
}
