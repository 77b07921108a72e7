package expr

import "strings"

// command reads what a backslash begins.
func (l *lexer) command() (skip bool, err error) {
	if l.i+1 == len(l.s) {
		return false, ErrUnknown
	}
	c := l.s[l.i+1]
	if !isLetter(c) {
		l.i += 2
		switch c {
		case ',', ';', ':', '!', ' ', '/', '(', ')', '[', ']', '\n', '\t', '-', '>':
			return true, nil
		case '{':
			l.open("set")
		case '}':
			l.close("set")
		case '%':
			l.emit(tOp, "%")
		case '$':
			l.emit(tText, "$")
		case '\\':
			l.emit(tOp, `\\`)
		default:
			return false, ErrUnknown
		}
		return false, nil
	}
	j := l.i + 1
	for j < len(l.s) && isLetter(l.s[j]) {
		j++
	}
	name := l.s[l.i+1 : j]
	l.i = j
	return l.named(name)
}

func (l *lexer) named(name string) (skip bool, err error) {
	switch name {
	case "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "middle", "displaystyle", "textstyle",
		"quad", "qquad", "limits", "thinspace", "medspace", "space", "enspace", "rm", "bf", "it", "hfill", "nobreak", "allowbreak", "unit", "nonumber":
		if l.i < len(l.s) && l.s[l.i] == '.' && (name == "left" || name == "right") {
			return false, ErrUnknown
		}
		return true, nil
	case "text", "mathrm", "textbf", "mathbf", "textit", "mbox", "mathit", "operatorname", "textrm", "texttt", "mathsf", "boldsymbol", "textnormal",
		"mathop", "bm", "hbox":
		return false, l.textual(name)
	case "boxed", "fbox", "ensuremath", "mathord":
		return true, nil // what follows is a group
	case "cdot", "times", "ast", "bullet":
		l.emit(tOp, "*")
	case "div":
		l.emit(tOp, "/")
	case "pm":
		l.emit(tOp, "±")
	case "mp":
		l.emit(tOp, "∓")
	case "le", "leq", "leqslant", "leqq":
		l.emit(tRel, "≤")
	case "ge", "geq", "geqslant", "geqq":
		l.emit(tRel, "≥")
	case "lt":
		l.emit(tRel, "<")
	case "gt":
		l.emit(tRel, ">")
	case "ne", "neq":
		l.emit(tRel, "≠")
	case "approx", "thickapprox", "simeq":
		l.emit(tRel, "≈")
	case "in":
		l.emit(tRel, "∈")
	case "equiv":
		l.emit(tRel, "≡")
	case "infty":
		l.emit(tConst, "inf")
	case "pi":
		l.emit(tConst, "pi")
	case "ldots", "dots", "cdots", "dotsc", "dotsb", "dotsm":
		l.emit(tDots, "…")
	case "lbrace":
		l.open("set")
	case "rbrace":
		l.close("set")
	case "lbrack":
		l.open("[")
	case "rbrack":
		l.close("]")
	case "langle":
		l.open("⟨")
	case "rangle":
		l.close("⟩")
	case "lfloor":
		l.open("floor")
	case "rfloor":
		l.close("floor")
	case "lceil":
		l.open("ceil")
	case "rceil":
		l.close("ceil")
	case "lvert", "rvert", "vert":
		l.emit(tOp, "|")
	case "degree", "circ":
		l.emit(tOp, "°")
	case "percent":
		l.emit(tOp, "%")
	case "lor", "vee":
		l.emit(tText, "or")
	case "land", "wedge":
		l.emit(tText, "and")
	case "colon":
		l.emit(tOp, ":")
	case "frac", "dfrac", "tfrac", "cfrac":
		l.emit(tCmd, "frac")
	case "binom", "dbinom", "tbinom":
		l.emit(tCmd, "binom")
	case "sqrt", "choose", "cup", "setminus", "emptyset":
		l.emit(tCmd, name)
	case "varnothing":
		l.emit(tCmd, "emptyset")
	case "begin", "end", "mathbb", "mathcal", "vec", "hat":
		return false, l.namedArgument(name)
	case "bigcup":
		return false, ErrUnknown
	case "backslash":
		l.emit(tCmd, "setminus")
	case "Re", "Im", "deg", "det", "dim", "gcd", "lim", "max", "min", "sup", "inf", "sum", "prod", "int", "iint", "oint", "partial", "nabla":
		return false, ErrUnknown
	default:
		if f, ok := function(name); ok {
			l.emit(tFunc, f)
			break
		}
		if !greek(name) {
			return false, ErrUnknown
		}
		l.emit(tSym, name)
	}
	return false, nil
}

// namedArgument reads a command whose argument is a name.
func (l *lexer) namedArgument(name string) error {
	for l.i < len(l.s) && l.s[l.i] == ' ' {
		l.i++
	}
	arg, end, ok := group(l.s, l.i)
	if !ok {
		if l.i == len(l.s) || !isLetter(l.s[l.i]) {
			return ErrUnknown
		}
		arg, end = l.s[l.i:l.i+1], l.i+1 // \vec b
	}
	l.i = end
	arg = strings.TrimSpace(arg)
	switch name {
	case "begin":
		if arg == "array" {
			if _, l.i, ok = group(l.s, l.i); !ok {
				return ErrUnknown
			}
		}
		l.emit(tCmd, "begin "+arg)
	case "end":
		l.emit(tCmd, "end "+arg)
	case "mathbb":
		set := map[string]string{"R": "ℝ", "Z": "ℤ", "N": "ℕ", "Q": "ℚ", "C": "ℂ"}[arg]
		if set == "" {
			return ErrUnknown
		}
		l.emit(tSym, set)
	default:
		if len(arg) != 1 || !isLetter(arg[0]) {
			return ErrUnknown
		}
		l.emit(tSym, name+" "+arg)
	}
	return nil
}

// textual reads \text{…} and its kin: words are text, all else reads as if it
// stood there alone.
func (l *lexer) textual(name string) error {
	for l.i < len(l.s) && (l.s[l.i] == ' ' || l.s[l.i] == '*') {
		l.i++
	}
	content, end, ok := group(l.s, l.i)
	if !ok || l.level > 3 {
		return ErrUnknown
	}
	l.i = end
	words := strings.Trim(strings.TrimSpace(strings.ReplaceAll(content, `\ `, " ")), "~")
	switch {
	case words == "":
		return nil
	case wordy(words):
		if f, ok := function(words); ok {
			l.emit(tFunc, f)
			return nil
		}
		switch {
		case name == "mathbf" || name == "boldsymbol" || name == "bm" || name == "textbf" && len(words) == 1:
			if len(words) == 1 && words[0]|0x20 >= 'i' && words[0]|0x20 <= 'k' && name != "textbf" {
				l.emit(tSym, "bold "+words) // a unit vector
				return nil
			}
			l.emit(tWord, words)
			if strings.ContainsAny(words, " ,.;-'") || len(words) > 1 {
				l.out[len(l.out)-1].kind = tText
			}
		case len(words) == 1 && (name == "mathit" || name == "mathrm" && strings.ContainsAny(words, "eixyzCPA")):
			l.emit(tWord, words)
		default:
			l.emit(tText, words)
		}
		return nil
	}
	inner := lexer{s: words, latex: l.latex, nested: l.nested, level: l.level + 1}
	if err := inner.run(); err != nil {
		return err
	}
	if isUnit(inner.out) {
		for i := range inner.out {
			if inner.out[i].kind == tWord {
				inner.out[i].kind = tText
			}
		}
	}
	l.out = append(l.out, inner.out...)
	return nil
}

// isUnit says that tokens are a unit such as km/h or cm^2.
func isUnit(toks []token) bool {
	for i, t := range toks {
		switch {
		case t.kind == tWord && (unitWord(t.text) != nil || t.text == "per" || t.text == "square" || t.text == "cubic"):
		case i > 0 && t.kind == tOp && (t.text == "/" || t.text == "^" || t.text == "*" || t.text == "-"):
		case i > 0 && t.kind == tNum && toks[i-1].kind == tOp:
		default:
			return false
		}
	}
	return len(toks) > 0
}

// wordy says that s has letters, spaces and marks of sentences only.
func wordy(s string) bool {
	letters := false
	for i := range len(s) {
		switch c := s[i]; {
		case isLetter(c):
			letters = true
		case c != ' ' && c != '.' && c != ',' && c != '\'' && c != '-' && c != ';':
			return false
		}
	}
	return letters
}

// group reads {…} at i with its braces matched; end is behind it.
func group(s string, i int) (content string, end int, ok bool) {
	if i >= len(s) || s[i] != '{' {
		return "", 0, false
	}
	depth := 0
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[i+1 : j], j + 1, true
			}
		}
	}
	return "", 0, false
}

func function(name string) (string, bool) {
	switch name {
	case "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "ln", "log", "lg", "exp", "arcsin", "arccos", "arctan", "sqrt", "cbrt", "abs",
		"floor", "ceil", "arccot":
		return name, true
	case "asin", "acos", "atan":
		return "arc" + name[1:], true
	case "tg":
		return "tan", true
	case "ctg":
		return "cot", true
	case "arctg":
		return "arctan", true
	case "cosec":
		return "csc", true
	}
	return "", false
}

func greek(name string) bool {
	switch name {
	case "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa", "lambda", "mu", "nu", "xi",
		"rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi",
		"Psi", "Omega", "ell":
		return true
	}
	return false
}
