package curate

// cutBoth cuts text into plain words and into units at once, for rows of which
// steps want both: most words are one of each. See plainWords and units.
func cutBoth(text string, words, units []uint64) (w, u []uint64) {
	for i := 0; i < len(text); {
		if byteClass[text[i]] == isSpace {
			i++
			continue
		}
		start, before := i, len(units)
		first, last, runs := 0, 0, 0 // of the letters and digits: where they begin and end, in how many runs
		var hash uint64              // of the last run
		class := isPart
		for i < len(text) {
			if class = byteClass[text[i]]; class == isOther {
				units = append(units, symbolHash[text[i]])
				i++
				continue
			}
			if class != isPart {
				break
			}
			from := i
			for i++; i < len(text) && byteClass[text[i]] == isPart; {
				i++
			}
			if runs++; runs == 1 {
				first = from
			}
			last, hash = i, wordHash(text[from:i])
			units = append(units, hash)
		}
		switch {
		case i < len(text) && class == isHigh:
			_, words = slowWords(text, start, words)
			i, units = slowUnits(text, start, units[:before])
		case runs == 1:
			words = append(words, hash)
		case runs > 1:
			words = append(words, wordHash(text[first:last]))
		}
	}
	return words, units
}
