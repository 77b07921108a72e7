package behaviours

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word, a number or a sign. Words that no rule knows are idOther.
type token struct {
	id    uint16
	op    byte  // + - * / of idOperator, ( or ) of idBracket
	value int64 // of a whole number; others have notWhole
}

const notWhole = -1

// longestSentence bounds what is looked at as one: a trace without any full stop
// is cut there.
const longestSentence = 256

// reader cuts a text into sentences, one after another.
type reader struct {
	text     string
	pos      int
	rules    *rules
	said     *[reflectiveWords]int
	sentence []token
	lower    []byte
}

// next reads a sentence; false at the end of the text. A sentence ends at . ! ? or
// their Chinese forms, at the end of a line, and at a tag.
func (r *reader) next() bool {
	r.sentence = r.sentence[:0]
	for r.pos < len(r.text) {
		if r.one() && len(r.sentence) > 0 || len(r.sentence) == longestSentence {
			return true
		}
	}
	return len(r.sentence) > 0
}

func (r *reader) add(t token) { r.sentence = append(r.sentence, t) }

// one reads what is at the position; true where a sentence ends.
func (r *reader) one() (ends bool) {
	c := r.text[r.pos]
	switch {
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_':
		r.word()
		return false
	case '0' <= c && c <= '9':
		r.number()
		return false
	case c >= utf8.RuneSelf:
		return r.rune()
	}
	r.pos++
	switch c {
	case '.', '!', '?', '\n':
		if c == '!' && strings.HasPrefix(r.text[r.pos:], "=") {
			r.pos++
			r.add(token{id: idNotEquals})
			return false
		}
		return true
	case '<':
		return r.tag()
	case ',', ';', ':':
		r.add(token{id: idComma})
	case '=':
		r.add(token{id: idEquals})
	case '+', '-', '*', '/':
		r.operator(c)
	case '(', ')':
		r.add(token{id: idBracket, op: c})
	case '\\':
		r.command()
	}
	return false
}

// tag skips <think> and the like; a sign of comparison is no tag.
func (r *reader) tag() bool {
	rest := r.text[r.pos:]
	end := strings.IndexByte(rest[:min(len(rest), 32)], '>')
	if end < 1 || rest[0] != '/' && !('a' <= rest[0] && rest[0] <= 'z') {
		return false
	}
	r.pos += end + 1
	return true
}

// operator is one only beside numbers: a hyphen or a list's dash is none.
func (r *reader) operator(c byte) {
	if n := len(r.sentence); n > 0 && (r.sentence[n-1].id == idNumber || r.sentence[n-1].op == ')') {
		r.add(token{id: idOperator, op: c})
	}
}

// command reads what LaTeX writes for signs.
func (r *reader) command() {
	for _, known := range []struct {
		name string
		op   byte
	}{{"times", '*'}, {"cdot", '*'}, {"div", '/'}, {"neq", '='}, {"ne", '='}} {
		if rest, ok := strings.CutPrefix(r.text[r.pos:], known.name); ok && (rest == "" || !isWordByte(rest[0])) {
			r.pos += len(known.name)
			if known.op == '=' {
				r.add(token{id: idNotEquals})
			} else {
				r.operator(known.op)
			}
			return
		}
	}
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// rune reads a character beyond ASCII.
func (r *reader) rune() (ends bool) {
	c, size := utf8.DecodeRuneInString(r.text[r.pos:])
	switch c {
	case '。', '！', '？', '…':
		r.pos += size
		return true
	case '≠':
		r.add(token{id: idNotEquals})
	case '×', '·':
		r.operator('*')
	case '÷':
		r.operator('/')
	case '\u2212':
		r.operator('-')
	case '—', '–', '，', '；', '：':
		r.add(token{id: idComma})
	case '✓', '✔', '✅':
		r.add(token{id: r.rules.words["✓"]})
	default:
		if unicode.IsLetter(c) || unicode.IsNumber(c) {
			r.word()
			return false
		}
	}
	r.pos += size
	return false
}

// word reads a word with the apostrophes in it: doesn't is one. A reflective word is
// whole as the reports' regular expression has it: between characters that are
// neither letters, digits nor underscores, so can't-wait and wait's say it.
func (r *reader) word() {
	r.lower = r.lower[:0]
	r.run()
	id := r.known(r.lower)
	r.say(id)
	for size := apostrophe(r.text[r.pos:]); size > 0; size = apostrophe(r.text[r.pos:]) {
		r.pos += size
		r.lower = append(r.lower, '\'')
		start := len(r.lower)
		r.run()
		r.say(r.known(r.lower[start:]))
		id = r.known(r.lower)
	}
	if len(r.lower) == 1 && r.lower[0] == 'x' { // 3 x 4
		if n := len(r.sentence); n > 0 && r.sentence[n-1].id == idNumber {
			r.operator('*')
			return
		}
	}
	r.add(token{id: id})
}

// known is the id of a word; idOther where no rule knows it.
func (r *reader) known(word []byte) uint16 {
	if len(word) > r.rules.longest {
		return idOther
	}
	return r.rules.words[string(word)]
}

// say counts a word that is a reflective one.
func (r *reader) say(id uint16) {
	if i := int(id) - int(idFirstWord); 0 <= i && i < reflectiveWords {
		r.said[i]++
	}
}

// run reads letters, digits and underscores, in lower case.
func (r *reader) run() {
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case 'A' <= c && c <= 'Z':
			r.lower = append(r.lower, c+'a'-'A')
			r.pos++
		case isWordByte(c):
			r.lower = append(r.lower, c)
			r.pos++
		case c < utf8.RuneSelf:
			return
		default:
			letter, size := utf8.DecodeRuneInString(r.text[r.pos:])
			if !unicode.IsLetter(letter) && !unicode.IsNumber(letter) {
				return
			}
			r.lower = utf8.AppendRune(r.lower, unicode.ToLower(letter))
			r.pos += size
		}
	}
}

// apostrophe is the size of one that a letter follows; 0: there is none.
func apostrophe(rest string) int {
	size := 0
	switch {
	case strings.HasPrefix(rest, "'"):
		size = 1
	case strings.HasPrefix(rest, "’"):
		size = len("’")
	}
	if size == 0 || len(rest) == size || !isWordByte(rest[size]) {
		return 0
	}
	return size
}

// number reads digits, with a decimal point between them. 3rd is a word.
func (r *reader) number() {
	start := r.pos
	value, whole := int64(0), true
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		if c == '.' && whole && r.pos+1 < len(r.text) && '0' <= r.text[r.pos+1] && r.text[r.pos+1] <= '9' {
			whole = false
		} else if c < '0' || c > '9' {
			break
		} else if value < 1<<40 {
			value = 10*value + int64(c-'0')
		}
		r.pos++
	}
	if r.pos < len(r.text) && whole && isWordByte(r.text[r.pos]) && r.text[r.pos] != 'x' {
		r.pos = start
		r.word()
		return
	}
	if !whole {
		value = notWhole
	}
	r.add(token{id: idNumber, value: value})
}
