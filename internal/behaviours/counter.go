package behaviours

import "sync"

// Counter counts behaviours. It is safe for concurrent use.
type Counter struct {
	rules   *rules
	readers sync.Pool
}

// New makes a Counter.
func New() *Counter {
	c := &Counter{rules: compiled()}
	c.readers.New = func() any { return &reader{rules: c.rules} }
	return c
}

// Text counts in a trace of any kind, in English.
func (c *Counter) Text(trace string) Counts { return c.count(trace, nil) }

// Game counts in a trace about a game of countdown, where it also looks at the
// calculations.
func (c *Counter) Game(trace string, g Game) Counts { return c.count(trace, newPlay(g)) }

func (c *Counter) count(trace string, p *play) (counts Counts) {
	r := c.readers.Get().(*reader)
	defer c.readers.Put(r)
	r.text, r.pos, r.said = trace, 0, &counts.Said
	set := c.rules.text
	if p != nil {
		set = c.rules.game
	}
	for r.next() {
		found := set.find(r.sentence)
		found &^= found >> behaviours // its vetoes
		if p != nil {
			found = p.look(r.sentence, found, &counts)
		}
		for i := range counts.Shown {
			counts.Shown[i] += int(found >> i & 1)
		}
	}
	r.text = ""
	return counts
}
