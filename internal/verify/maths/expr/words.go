package expr

import "strings"

// words takes the runs of letters apart: text, functions, units, and variables
// that stand side by side.
func words(in []token, latex bool) ([]token, error) {
	plain := true // most answers have no words
	for i := range in {
		if k := in[i].kind; k == tWord && len(in[i].text) > 1 || k == tText {
			plain = false
			break
		}
	}
	if plain {
		for i := range in {
			if in[i].kind == tWord {
				in[i] = letter(in[i])
			}
		}
		return in, nil
	}
	out := make([]token, 0, len(in)+8)
	for i := 0; i < len(in); i++ {
		t := in[i]
		if t.kind != tWord && t.kind != tText {
			out = append(out, t)
			continue
		}
		if n := textItem(in, i, latex); n > 0 {
			var all []string
			for _, w := range in[i : i+n] {
				all = append(all, w.text)
			}
			if t.kind = tText; len(all) > 1 {
				t.text = strings.Join(all, " ")
			}
			t.tight = true // the whole item
			out = append(out, t)
			i += n - 1
			continue
		}
		if t.kind == tText {
			out = append(out, t)
			continue
		}
		var err error
		if out, err = word(out, t, i+1 < len(in) && in[i+1].kind == tOpen); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// textItem says how many tokens at i are an answer of words, 0 for none.
func textItem(in []token, i int, latex bool) int {
	if i > 0 && !edge(in[i-1]) {
		return 0
	}
	j := i
	for j < len(in) && (in[j].kind == tWord || in[j].kind == tText || j > i && in[j].kind == tOp && in[j].text == "-") {
		j++
	}
	if j < len(in) && !edge(in[j]) {
		return 0
	}
	w := in[i].text
	switch {
	case j-i > 1:
		for _, t := range in[i:j] {
			if isSeparator(t) {
				return 0
			}
			if t.kind == tOp {
				return 0
			}
		}
		return j - i
	case in[i].kind == tText:
		if isSeparator(in[i]) || w == "$" {
			return 0
		}
		return 1
	case len(w) == 1:
		return 0
	}
	if _, ok := function(w); ok || w == "pi" || w == "inf" || w == "infty" || w == "infinity" {
		return 0
	}
	if Vocabulary(w) != "" || len(w) > 3 || len(w) == 3 && !latex {
		if i > 0 && in[i-1].kind != tEnd && in[i-1].kind == tOpen && len(w) < 4 {
			return 0
		}
		return 1
	}
	return 0
}

// edge says that the token begins or ends an item.
func edge(t token) bool {
	switch t.kind {
	case tOpen, tClose, tRel:
		return true
	case tOp:
		return t.text == "," || t.text == ";"
	}
	return false
}

func isSeparator(t token) bool {
	return (t.kind == tText || t.kind == tWord) && (t.text == "or" || t.text == "and")
}

// letter reads a single letter.
func letter(t token) token {
	switch t.text {
	case "e", "i":
		t.kind = tConst
	default:
		t.kind = tSym
	}
	return t
}

// word takes one run of letters apart; out has what stands before it.
func word(out []token, t token, call bool) ([]token, error) {
	w := t.text
	if isSeparator(t) {
		t.kind = tText
		return append(out, t), nil
	}
	if len(w) == 1 {
		if w == "U" && len(out) > 0 && out[len(out)-1].kind == tClose && call {
			t.kind, t.text = tCmd, "cup"
			return append(out, t), nil
		}
		return append(out, letter(t)), nil
	}
	if afterNumber(out) && (unitWord(w) != nil || scaleWord(w) != nil || degreeWord(w) || w == "per") {
		t.kind = tText
		return append(out, t), nil
	}
	if f, ok := function(w); ok {
		t.kind, t.text = tFunc, f
		return append(out, t), nil
	}
	switch w {
	case "pi":
		t.kind = tConst
		return append(out, t), nil
	case "inf", "infty", "infinity", "Infinity":
		t.kind, t.text = tConst, "inf"
		return append(out, t), nil
	case "to", "of", "at", "is", "by", "on", "if", "as", "it", "the", "not", "no", "for", "all", "any", "are", "be", "an", "in", "we", "he", "so", "up", "us":
		return nil, ErrUnknown
	}
	for n := min(6, len(w)-1); n >= 2; n-- { // sinx, lnx, sinpi
		if f, ok := function(w[:n]); ok {
			t.kind, t.text = tFunc, f
			rest := token{kind: tWord, text: w[n:]}
			if rest.text != "pi" && len(rest.text) > 1 {
				return nil, ErrAmbiguous
			}
			return word(append(out, t), rest, false)
		}
	}
	if strings.Contains(w, "pi") {
		return nil, ErrAmbiguous
	}
	if len(w) > 3 {
		return nil, ErrUnknown
	}
	for i := range len(w) {
		out = append(out, letter(token{kind: tWord, text: w[i : i+1], space: t.space && i == 0}))
	}
	return out, nil
}

// afterNumber says that a unit may stand here.
func afterNumber(out []token) bool {
	if len(out) == 0 {
		return false
	}
	switch t := out[len(out)-1]; t.kind {
	case tNum, tClose, tText:
		return true
	case tConst:
		return t.text == "pi"
	case tOp: // cm/s, and 1/2 ft has a number
		return t.text == "/" && len(out) > 1 && out[len(out)-2].kind == tText || t.text == "*" && len(out) > 1 && out[len(out)-2].kind == tText
	}
	return false
}

func degreeWord(w string) bool { return w == "degrees" || w == "degree" }

// Vocabulary names the closed class that a word belongs to, "" for none: two
// words of one class differ in what they say.
func Vocabulary(w string) string {
	switch strings.ToLower(w) {
	case "yes", "no":
		return "yes-no"
	case "true", "false":
		return "true-false"
	case "even", "odd":
		return "parity"
	case "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday":
		return "day"
	case "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december":
		return "month"
	case "increasing", "decreasing":
		return "monotony"
	case "ellipse", "parabola", "hyperbola":
		return "conic"
	case "convergent", "divergent":
		return "convergence"
	case "left", "right":
		return "side"
	case "acute", "obtuse":
		return "angle"
	case "red", "blue", "green", "yellow":
		return "colour"
	case "north", "south", "east", "west":
		return "direction"
	}
	return ""
}
