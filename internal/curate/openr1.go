package curate

import "sync"

// OpenR1 is open-r1's rule of contamination on texts: it says of a text whether
// it shares ngram words in a row with one of against. It may be asked from
// several goroutines at once. See decontaminate for what it means.
func OpenR1(against []string, ngram int) func(text string) bool {
	b := &benchmark{rule: decontaminate{Ngram: ngram, Compat: compatOpenR1}}
	for _, text := range against {
		b.addGrams(pyWords(text, nil))
	}
	b.grams, b.building = newGramSet(b.building), nil
	free := sync.Pool{New: func() any { return &scratch{} }}
	return func(text string) bool {
		tmp := free.Get().(*scratch)
		defer free.Put(tmp)
		tmp.words = pyWords(text, tmp.words[:0])
		return b.shares(tmp.words, tmp)
	}
}
