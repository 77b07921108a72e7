package curate

import (
	"math"
	"slices"
	"sync"
)

// nearness finds the text of a set that has most words in common with another one, rare words
// counting more: the cosine of their tf-idf vectors, in which a word is there or is not. Words
// are those of tokens.read that are no number, no variable and none of formWords, so that
// other numbers and another way to ask make no other text.
//
// It finds what is alike, not what is the same: a model has to say that. What it misses is
// said in other words throughout.
//
// Memory: the different texts, 4 bytes for each word of each, and some 100 for each different
// word; besides 4 bytes a text for each worker.
type nearness struct {
	texts  []string
	length []float64          // of each text's vector
	with   map[uint64][]int32 // texts by word
	rare   map[uint64]float64 // weight of a word
	none   float64            // weight of a word that no text has
	form   map[uint64]bool    // formWords
	known  map[string]bool    // texts that are there
	work   sync.Pool
}

const (
	// everywhere is from which share of the texts on a word chooses none of them, if there are
	// more than everywhereAbove; it counts once they are chosen.
	everywhere      = 0.02
	everywhereAbove = 256
	// finalists are how many texts are compared by all their words.
	finalists = 8
)

// formWords say nothing of what a question is about. In a large benchmark they weigh little
// anyhow; in a small one they would weigh as much as the others.
const formWords = `the an of in on at to by for from with without as into over under between than and or if then that this these those it its is are was were be been
being has have had do does did can could will would shall should may might must not no nor so but each every all any some both many much more most less least only also
how what which who whose when where why whether there here he she they them his her their we our you your one ones such same other another per about after before while
find determine compute calculate give given gives let suppose show prove write return returns using use answer question problem express simplify evaluate count total number numbers value`

// common is what one row works with.
type common struct {
	sums    []float32 // of each text
	touched []int32
	words   []uint64
}

func newNearness() *nearness {
	n := &nearness{with: map[uint64][]int32{}, rare: map[uint64]float64{}, form: map[uint64]bool{}, known: map[string]bool{}}
	var t tokens
	t.read(formWords)
	for _, h := range t.hashes {
		n.form[h] = true
	}
	return n
}

// add adds a text whose tokens were read.
func (n *nearness) add(text string, t *tokens) {
	words := n.distinct(t, nil)
	if len(words) == 0 || n.known[text] {
		return
	}
	n.known[text] = true
	for _, w := range words {
		n.with[w] = append(n.with[w], int32(len(n.texts)))
	}
	n.texts = append(n.texts, text)
}

// seal is called when all texts are there.
func (n *nearness) seal() {
	n.known = nil
	all := float64(len(n.texts))
	n.none = math.Log(1 + all)
	squares := make([]float64, len(n.texts))
	words := make([]uint64, 0, len(n.with))
	for w := range n.with {
		words = append(words, w)
	}
	slices.Sort(words) // floating-point sums depend on their order
	for _, w := range words {
		weight := math.Log(1 + all/float64(len(n.with[w])))
		n.rare[w] = weight
		for _, i := range n.with[w] {
			squares[i] += weight * weight
		}
	}
	n.length = squares
	for i := range squares {
		n.length[i] = math.Sqrt(squares[i])
	}
	n.work.New = func() any { return &common{sums: make([]float32, len(n.texts))} }
}

// nearest gives the text that is nearest to the tokens, and how near: from 0 to 1. Of equals
// it is the first.
func (n *nearness) nearest(t *tokens) (text string, near float64) {
	c := n.work.Get().(*common)
	defer n.work.Put(c)
	c.words = n.distinct(t, c.words[:0])
	square, often := 0.0, max(everywhereAbove, int(everywhere*float64(len(n.texts))))
	for _, w := range c.words {
		weight, known := n.rare[w]
		if !known {
			weight = n.none
		}
		square += weight * weight
		list := n.with[w]
		if len(list) > often {
			continue
		}
		for _, i := range list {
			if c.sums[i] == 0 {
				c.touched = append(c.touched, i)
			}
			c.sums[i] += float32(weight * weight)
		}
	}
	var best []int32
	score := func(i int32) float64 { return float64(c.sums[i]) / n.length[i] }
	for _, i := range c.touched {
		at, _ := slices.BinarySearchFunc(best, i, func(a, b int32) int {
			if sa, sb := score(a), score(b); sa != sb {
				return less(sa > sb)
			}
			return less(a < b)
		})
		if at < finalists {
			best = slices.Insert(best, at, i)[:min(len(best)+1, finalists)]
		}
	}
	for _, i := range c.touched {
		c.sums[i] = 0
	}
	c.touched = c.touched[:0]
	found := int32(-1)
	for _, i := range best {
		if exact := n.shared(c.words, i) / (math.Sqrt(square) * n.length[i]); exact > near || exact == near && i < found {
			found, near = i, exact
		}
	}
	if found < 0 {
		return "", 0
	}
	return n.texts[found], near
}

func less(is bool) int {
	if is {
		return -1
	}
	return 1
}

// shared sums the weights of the words that a text has.
func (n *nearness) shared(words []uint64, text int32) (sum float64) {
	for _, w := range words {
		if _, has := slices.BinarySearch(n.with[w], text); has {
			sum += n.rare[w] * n.rare[w]
		}
	}
	return sum
}

// distinct appends the words that count, sorted, each once.
func (n *nearness) distinct(t *tokens, out []uint64) []uint64 {
	for i, h := range t.hashes {
		if t.wordy[i] && !t.number[i] && !n.form[h] {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
