package generate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat"
)

// judges is how many prompts are with the verifier at a time.
const judges = 4

// question is a prompt that is being answered.
type question struct {
	index   int // among the prompts
	row     *row
	body    []byte
	keys    []digest
	answers []*entry // one a sample; nil is not there yet
	left    int      // how many are not
	rows    []*row   // when it is judged
}

// ask is one sample of a question.
type ask struct {
	q      *question
	sample int
}

// pipeline is a job in progress: rows are rendered, asked, judged and written by
// goroutines of their own. At most `window` questions are open at a time, so memory
// does not grow with the rows; the oldest open one bounds how far others run ahead.
type pipeline struct {
	job     *job
	workers int
	client  *chat.Client
	judge   *judge
	answers *Answers
	out     *writer
	metrics *metrics

	window chan struct{}
	asks   chan ask
	ready  chan *question // all samples answered
	judged chan *question

	from, to int                // the job's part of the prompts
	begun    int                // prompts of it that an attempt before this one wrote
	halt     context.CancelFunc // no more is asked

	mu      sync.Mutex
	err     error // the first one
	open    map[int]*question
	settled int // answers that are there, of the rows that are written and of the open questions
	paid    usage
	doubts  doubts
}

func newPipeline(j *job, workers int, client *chat.Client, v *judge, a *Answers, w *writer, m *metrics) *pipeline {
	workers = max(1, workers)
	n := max(64, 4*workers)
	return &pipeline{
		job: j, workers: workers, client: client, judge: v, answers: a, out: w, metrics: m, begun: w.prompts, settled: w.rows, paid: w.paid,
		window: make(chan struct{}, n), asks: make(chan ask), ready: make(chan *question, n), judged: make(chan *question, n),
		open: map[int]*question{}, doubts: doubts{before: w.rows > 0},
	}
}

// run answers all questions. When stop ends, or something fails, no more is asked;
// what is under way gets settle to come back, as it may be paid for. Whatever the
// end, what is there is saved.
func (p *pipeline) run(ctx, stop context.Context, settle time.Duration) error {
	stop, p.halt = context.WithCancel(stop)
	defer p.halt()
	work, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	quit := context.AfterFunc(stop, func() {
		select {
		case <-time.After(settle):
			end(errStopped)
		case <-work.Done():
		}
	})
	defer quit()
	var asking, judging, all sync.WaitGroup
	asking.Go(func() { defer close(p.asks); p.note(p.feed(work, stop)) })
	for range p.workers {
		asking.Go(func() { p.note(p.answer(work, stop)) })
	}
	all.Go(func() {
		defer close(p.ready)
		asking.Wait()
		p.note(p.resolve(stop))
	})
	for range judges {
		judging.Go(func() { p.note(p.judgeAll(work)) })
	}
	all.Go(func() { defer close(p.judged); judging.Wait() })
	all.Go(func() { p.note(p.write(work)) })
	all.Wait()
	err := p.failure()
	if err == nil && p.out.done() {
		return nil
	}
	if err == nil {
		err = errStopped
	}
	return errors.Join(err, p.save())
}

// note takes the error of a part. The first one ends the job.
func (p *pipeline) note(err error) {
	if err == nil || errors.Is(err, errStopped) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
	p.halt()
}

func (p *pipeline) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// feed renders the rows in their order and hands out what is not answered yet.
func (p *pipeline) feed(ctx, stop context.Context) error {
	asked := map[digest]int{} // how many rows before ask the same
	index := -1
	for at, r := range rows(p.job.path(p.job.Inputs["prompts"].Path)) {
		if index++; index >= p.to {
			return nil
		}
		if r == nil {
			return rowError("prompts %s: the row cannot be read any more", at)
		}
		turns, err := p.job.template.Conversation(r.values)
		if err != nil {
			return fmt.Errorf("prompts %s: %w", at, err)
		}
		body := p.job.request(turns)
		same := p.job.digest(body, 0)
		first := asked[same] * p.job.params.Samples
		asked[same]++
		if index-p.from < p.begun {
			continue // another shard's, or written before
		}
		select {
		case p.window <- struct{}{}:
		case <-stop.Done():
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if more, err := p.pose(ctx, stop, index-p.from, r, body, first); err != nil || !more {
			return err
		}
	}
	return nil
}

// pose opens a question: first is the number of its first sample among those that
// ask the same.
func (p *pipeline) pose(ctx, stop context.Context, index int, r *row, body []byte, first int) (more bool, err error) {
	n := p.job.params.Samples
	q := &question{index: index, row: r, body: body, keys: make([]digest, n), answers: make([]*entry, n), left: n}
	var missing []ask
	known := make([]*entry, n)
	for k := range n {
		q.keys[k] = p.job.digest(body, first+k)
		e, there, err := p.answers.get(q.keys[k])
		if err != nil {
			return false, err
		}
		if there {
			known[k] = &e
		} else {
			missing = append(missing, ask{q, k})
		}
	}
	p.mu.Lock()
	p.open[index] = q
	p.mu.Unlock()
	for k, e := range known {
		if e != nil {
			p.settle(ask{q, k}, e, usage{}, false)
		}
	}
	for _, a := range missing {
		select {
		case p.asks <- a:
		case <-stop.Done():
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	return true, nil
}

// answer asks the endpoint, one question at a time.
func (p *pipeline) answer(ctx, stop context.Context) error {
	for a := range p.asks {
		if stop.Err() != nil {
			return nil
		}
		got, err := p.client.Complete(ctx, a.q.body)
		var no *chat.Refused
		switch {
		case err == nil:
			err = p.keep(a, entry{Answer: &got})
		case errors.As(err, &no) && no.Filtered:
			err = p.keep(a, entry{Refusal: no.Detail})
		case errors.As(err, &no):
			err = p.doubt(a, no)
		}
		if err != nil {
			return p.about(a, err)
		}
	}
	return nil
}

// about says which row an error came of.
func (p *pipeline) about(a ask, err error) error {
	var f *chat.Failure
	if id := a.q.row.text("id"); errors.As(err, &f) && id != "" {
		f.Err.Detail += fmt.Sprintf(" (asked for row %s)", id)
	}
	return err
}

// keep puts an answer onto the disk, and then to its question.
func (p *pipeline) keep(a ask, e entry) error {
	if err := p.answers.put(a.q.keys[a.sample], e); err != nil {
		return err
	}
	var took usage
	if e.Answer != nil && e.Answer.Usage != nil {
		took = usage{Prompt: e.Answer.Usage.Prompt, Completion: e.Answer.Usage.Completion}
	}
	p.settle(a, &e, took, true)
	return nil
}

// settle gives a question one of its answers: a fresh one, or one that was there. The channel
// has room for all open questions.
func (p *pipeline) settle(a ask, e *entry, took usage, fresh bool) {
	p.mu.Lock()
	e.Key = a.q.keys[a.sample].String()
	a.q.answers[a.sample] = e
	p.answers.taken(a.q.keys[a.sample])
	a.q.left--
	p.settled++
	p.paid.Prompt += took.Prompt
	p.paid.Completion += took.Completion
	whole := a.q.left == 0
	var kept []refusal
	switch {
	case e.Answer == nil:
	case fresh:
		kept = p.doubts.dispel()
	default:
		p.doubts.before = true
	}
	p.mu.Unlock()
	if whole {
		p.ready <- a.q
	}
	for _, r := range kept {
		// What cannot be kept now is asked again by the next attempt.
		_ = p.keep(r.ask, entry{Refusal: r.detail})
	}
}

// judgeAll has answered questions judged.
func (p *pipeline) judgeAll(ctx context.Context) error {
	for {
		select {
		case q, more := <-p.ready:
			if !more {
				return nil
			}
			if err := p.verify(ctx, q); err != nil {
				return err
			}
			p.judged <- q // which has room for all open questions
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
