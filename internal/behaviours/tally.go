package behaviours

import (
	"cmp"
	"maps"
	"slices"
)

// Tally sums up the counts of many rows: of all, and of each domain and step.
type Tally struct {
	all     sums
	domains map[string]*sums
	steps   map[int]*sums
	judges  [behaviours]judged
	unread  int // rows without a judge's labels that can be read
	judging bool
}

// sums are what the numbers of a Summary are made of.
type sums struct {
	rows                       int
	shown, total               [behaviours]int
	said                       [reflectiveWords]int
	correct, verified          int
	shownCorrect, showVerified [behaviours]int
}

// NewTally makes a Tally.
func NewTally() *Tally { return &Tally{domains: map[string]*sums{}, steps: map[int]*sums{}} }

// Entry is a row as a Tally takes it.
type Entry struct {
	Counts Counts
	Domain string // "": none
	Step   *int   // of training, where the row has one
	// Correct is the row's verdict; nil where it has none, or is unverified.
	Correct *bool
}

// Add takes a row.
func (t *Tally) Add(e Entry) {
	t.all.add(e)
	if e.Domain != "" {
		at(t.domains, e.Domain).add(e)
	}
	if e.Step != nil {
		at(t.steps, *e.Step).add(e)
	}
}

func at[K comparable](m map[K]*sums, key K) *sums {
	if m[key] == nil {
		m[key] = &sums{}
	}
	return m[key]
}

func (s *sums) add(e Entry) {
	s.rows++
	if e.Correct != nil {
		s.verified++
		s.correct += b2i(*e.Correct)
	}
	for i, n := range e.Counts.Shown {
		s.total[i] += n
		if n == 0 {
			continue
		}
		s.shown[i]++
		if e.Correct != nil {
			s.showVerified[i]++
			s.shownCorrect[i] += b2i(*e.Correct)
		}
	}
	for i, n := range e.Counts.Said {
		s.said[i] += n
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Summary is a Tally in numbers.
type Summary struct {
	Group
	Domains map[string]Group `json:"domains,omitempty"`
	Steps   []StepGroup      `json:"steps,omitempty"` // in order
	Judge   *Agreement       `json:"judge,omitempty"`
}

// Group is the numbers of some rows.
type Group struct {
	Rows       int                `json:"rows"`
	Accuracy   *float64           `json:"accuracy,omitempty"` // of the rows with a verdict
	Behaviours map[string]Measure `json:"behaviours"`
	// Reflective is the mean number of reflective words in a row, and Words of each.
	Reflective float64            `json:"reflective"`
	Words      map[string]float64 `json:"words"`
}

// StepGroup is the rows of a step of training.
type StepGroup struct {
	Step int `json:"step"`
	Group
}

// Measure is a behaviour in some rows.
type Measure struct {
	Share float64 `json:"share"` // of the rows, that show it
	Mean  float64 `json:"mean"`  // times in a row
	// Accuracy is that of the rows that show it and have a verdict.
	Accuracy *float64 `json:"accuracy,omitempty"`
}

// Summary gives the numbers so far.
func (t *Tally) Summary() Summary {
	s := Summary{Group: t.all.group()}
	if len(t.domains) > 0 {
		s.Domains = map[string]Group{}
		for name, of := range t.domains {
			s.Domains[name] = of.group()
		}
	}
	for _, step := range slices.SortedFunc(maps.Keys(t.steps), cmp.Compare[int]) {
		s.Steps = append(s.Steps, StepGroup{step, t.steps[step].group()})
	}
	if t.judging {
		a := t.agreement()
		s.Judge = &a
	}
	return s
}

func (s *sums) group() Group {
	g := Group{Rows: s.rows, Accuracy: share(s.correct, s.verified), Behaviours: map[string]Measure{}, Words: map[string]float64{}}
	n := float64(max(s.rows, 1))
	for i, name := range Names() {
		g.Behaviours[name] = Measure{
			Share: float64(s.shown[i]) / n, Mean: float64(s.total[i]) / n, Accuracy: share(s.shownCorrect[i], s.showVerified[i]),
		}
	}
	for i, word := range Words() {
		g.Words[word] = float64(s.said[i]) / n
		g.Reflective += g.Words[word]
	}
	return g
}

// share is part of whole; nil of nothing.
func share(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	v := float64(part) / float64(whole)
	return &v
}
