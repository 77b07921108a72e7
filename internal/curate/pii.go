package curate

import (
	"net/netip"
	"strings"
)

// The finders look for a rare character first, so that most text costs one
// pass of a byte search.

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
func isAlnum(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'z' }

// span is the largest run around i of bytes that ok allows.
func span(text string, i int, ok func(byte) bool) (from, to int) {
	from, to = i, i
	for from > 0 && ok(text[from-1]) {
		from--
	}
	for to < len(text) && ok(text[to]) {
		to++
	}
	return from, to
}

func hasEmail(text string) bool {
	for i := 0; ; {
		at := strings.IndexByte(text[i:], '@')
		if at < 0 {
			return false
		}
		at += i
		i = at + 1
		from, _ := span(text, at, func(b byte) bool { return isAlnum(b) || strings.IndexByte("._%+-", b) >= 0 })
		_, to := span(text, at+1, func(b byte) bool { return isAlnum(b) || b == '.' || b == '-' })
		user, domain := strings.Trim(text[from:at], "."), strings.ToLower(strings.Trim(text[at+1:to], ".-"))
		dot := strings.LastIndexByte(domain, '.')
		if user == "" || dot < 1 || len(domain)-dot < 3 || strings.ContainsAny(domain[dot:], "0123456789-") {
			continue
		}
		if !reservedDomain(domain) {
			return true
		}
	}
}

func reservedDomain(domain string) bool {
	for _, d := range []string{"example.com", "example.org", "example.net", "domain.com", "email.com", "yourcompany.com"} {
		if domain == d || strings.HasSuffix(domain, "."+d) {
			return true
		}
	}
	for _, tld := range []string{".test", ".example", ".invalid", ".localhost", ".local"} {
		if strings.HasSuffix(domain, tld) {
			return true
		}
	}
	return false
}

// digitRuns calls yield with each stretch of digits and of what stands between
// digits of one number, until it says no.
func digitRuns(text, between string, yield func(from, to int) bool) {
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		from, last := i, i
		for i < len(text) && (isDigit(text[i]) || i-last <= 2 && strings.IndexByte(between, text[i]) >= 0) {
			if isDigit(text[i]) {
				last = i
			}
			i++
		}
		if !yield(from, last+1) {
			return
		}
		i = last + 1
	}
}

func digitsOf(text string) string {
	out := make([]byte, 0, 20)
	for i := 0; i < len(text); i++ {
		if isDigit(text[i]) {
			out = append(out, text[i])
		}
	}
	return string(out)
}

func hasPhone(text string) (found bool) {
	digitRuns(text, " -.()", func(from, to int) bool {
		run := text[from:to]
		if len(run) < 10 || len(run) > 24 {
			return true
		}
		digits := digitsOf(run)
		switch {
		case from > 0 && text[from-1] == '+' && (from == 1 || !isAlnum(text[from-2]) && text[from-2] != ')' && text[from-2] != ' '):
			found = len(digits) >= 10 && len(digits) <= 15 && strings.ContainsAny(run, " -(.")
		case from > 1 && text[from-1] == '+' && text[from-2] == ' ' && len(digits) >= 11:
			// A sum has spaces on both sides of its sign; a number none behind it.
			found = len(digits) <= 15 && strings.ContainsAny(run, " -(.") && (from < 3 || !isDigit(text[from-3]))
		case len(digits) == 10 && (from == 0 || !isAlnum(text[from-1]) && text[from-1] != '-' && text[from-1] != '.'):
			found = northAmerican(run, from > 0 && text[from-1] == '(')
		}
		if found && strings.Contains(digits, "55501") {
			found = false
		}
		return !found
	})
	return found
}

// northAmerican says whether a run is ddd-ddd-dddd, or ddd) ddd-dddd behind a bracket.
func northAmerican(run string, bracket bool) bool {
	form := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return 'd'
		}
		return c
	}, run)
	if run[0] < '2' || digitsOf(run)[3] < '2' {
		return false
	}
	if bracket {
		return form == "ddd) ddd-dddd" || form == "ddd)ddd-dddd" || form == "ddd) ddd dddd"
	}
	return form == "ddd-ddd-dddd" || form == "ddd.ddd.dddd"
}

func hasCard(text string) (found bool) {
	digitRuns(text, " -", func(from, to int) bool {
		run := text[from:to]
		digits := digitsOf(run)
		if len(digits) < 13 || len(digits) > 19 || digits[0] < '3' || digits[0] > '6' || !luhn(digits) {
			return true
		}
		if len(digits) == len(run) { // a bare number is a card when it is called one
			found = strings.Contains(strings.ToLower(text[max(0, from-40):from]), "card")
		} else {
			groups := strings.FieldsFunc(run, func(c rune) bool { return c == ' ' || c == '-' })
			found = len(groups) == 4 && len(digits) == 16 || len(groups) == 3 && len(digits) == 15 && len(groups[1]) == 6
			for _, g := range groups {
				found = found && (len(digits) == 15 || len(g) == 4)
			}
		}
		return !found
	})
	return found
}

func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func hasSSN(text string) (found bool) {
	digitRuns(text, "-", func(from, to int) bool {
		run := text[from:to]
		if len(run) == 11 && run[3] == '-' && run[6] == '-' && len(digitsOf(run)) == 9 {
			alone := (from == 0 || !isAlnum(text[from-1]) && text[from-1] != '-') && (to == len(text) || !isAlnum(text[to]))
			area := run[:3]
			found = alone && area != "000" && area != "666" && area[0] != '9' && run[4:6] != "00" && run[7:] != "0000"
		}
		return !found
	})
	return found
}

func hasPublicIP(text string) (found bool) {
	digitRuns(text, ".", func(from, to int) bool {
		run := text[from:to]
		if strings.Count(run, ".") != 3 || from > 0 && (isAlnum(text[from-1]) || text[from-1] == '.' || text[from-1] == '-') {
			return true
		}
		ip, err := netip.ParseAddr(run)
		found = err == nil && publicIP(ip)
		return !found
	})
	return found
}

func publicIP(ip netip.Addr) bool {
	for _, prefix := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"} {
		if netip.MustParsePrefix(prefix).Contains(ip) {
			return false
		}
	}
	b := ip.As4()
	// 1.2.3.4 and the like are versions or examples; the resolvers are everybody's.
	example := b == [4]byte{1, 2, 3, 4} || b == [4]byte{8, 8, 8, 8} || b == [4]byte{8, 8, 4, 4} || b == [4]byte{1, 1, 1, 1}
	small := b[0] < 10 && b[1] < 30 && b[2] < 30 && b[3] < 30
	return !example && !small && ip.IsGlobalUnicast() && !ip.IsPrivate() && !ip.IsLoopback()
}

// hasIBAN looks for two capitals and two digits, and checks the whole.
func hasIBAN(text string) bool {
	for i := 0; i+15 <= len(text); i++ {
		if text[i] < 'A' || text[i] > 'Z' || text[i+1] < 'A' || text[i+1] > 'Z' || !isDigit(text[i+2]) || !isDigit(text[i+3]) || i > 0 && isAlnum(text[i-1]) {
			continue
		}
		j := i
		compact := make([]byte, 0, 34)
		for j < len(text) && len(compact) < 34 && (text[j] == ' ' || isDigit(text[j]) || text[j] >= 'A' && text[j] <= 'Z') {
			if text[j] != ' ' {
				compact = append(compact, text[j])
			} else if j+1 < len(text) && text[j+1] == ' ' {
				break
			}
			j++
		}
		for n := len(compact); n >= 15; n-- { // the words behind it may be in capitals
			if ibanCheck(compact[:n]) && mostlyDigits(compact[4:n]) {
				return true
			}
		}
	}
	return false
}

func mostlyDigits(b []byte) bool {
	n := 0
	for _, c := range b {
		if isDigit(c) {
			n++
		}
	}
	return 2*n >= len(b)
}

func ibanCheck(b []byte) bool {
	rest := 0
	for i := range len(b) {
		c := b[(i+4)%len(b)]
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}

func hasSecret(text string) bool {
	if i := strings.Index(text, "-----BEGIN "); i >= 0 && strings.Contains(text[i:min(len(text), i+60)], "PRIVATE KEY-----") {
		return true
	}
	for _, s := range []struct {
		prefix string
		length int // of what follows
	}{{"sk-", 32}, {"ghp_", 36}, {"gho_", 36}, {"github_pat_", 40}, {"AKIA", 16}, {"xoxb-", 20}, {"xoxp-", 20}, {"AIza", 35}, {"hf_", 34}, {"glpat-", 20}} {
		for rest, i := text, 0; ; rest = rest[i:] {
			at := strings.Index(rest, s.prefix)
			if at < 0 {
				break
			}
			i = at + len(s.prefix)
			_, to := span(rest, i, func(b byte) bool { return isAlnum(b) || b == '_' || b == '-' })
			token := rest[i:to]
			if len(token) >= s.length && strings.ContainsAny(token, "0123456789") && (at == 0 || !isAlnum(rest[at-1])) {
				return true
			}
		}
	}
	return false
}
