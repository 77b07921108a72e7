package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/maths"
	"github.com/r1ctl/r1ctl/internal/verify/maths/pairs"
)

const examples = 24 // disagreements that are shown

// tally counts rows by who was right.
type tally struct {
	rows, tier0, tier1, undecided int
	right, wrong                  int // of what we decided
	theirFalse, theirMissed       int // math-verify: equal though it is not, and the reverse
	ours, theirs                  int // disagreements, by who was right
}

func count(rows []pairs.Pair, ours []maths.Decision, theirs verdicts) tally {
	var t tally
	for i, p := range rows {
		t.rows++
		ok, known := right(p, ours[i])
		switch {
		case !known:
			t.undecided++
		case ours[i].Tier == 0:
			t.tier0++
		default:
			t.tier1++
		}
		if known && ok {
			t.right++
		} else if known {
			t.wrong++
		}
		they := theirs.equal[i] == p.Equal
		switch {
		case !they && p.Equal:
			t.theirMissed++
		case !they:
			t.theirFalse++
		}
		if known && ok && !they {
			t.ours++
		} else if known && !ok && they {
			t.theirs++
		}
	}
	return t
}

func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1))) }

// speedTable compares both over responses.
func speedTable(rows []pairs.Pair, s speed, other verdicts, cores int) string {
	t := count(rows, s.decisions, other)
	theirs := float64(len(rows)) / other.seconds
	var b strings.Builder
	fmt.Fprintf(&b, "| over the same %d responses, in one run | tiers 0 and 1, %d cores | math-verify %s, one process |\n| --- | --- | --- |\n", t.rows, cores, other.version)
	fmt.Fprintf(&b, "| rows a second, by the clock | %.0f | %.0f |\n", s.perSecond, theirs)
	theirCPU := float64(len(rows)) / other.cpu
	fmt.Fprintf(&b, "| rows a second of processor time (one core that nobody else uses) | %.0f | %.0f |\n", s.perCPU, theirCPU)
	fmt.Fprintf(&b, "| times as fast, by the clock | %.0f | 1 |\n| times as fast, by processor time and %d cores | %.0f | 1 |\n", s.perSecond/theirs, cores, float64(cores)*s.perCPU/theirCPU)
	fmt.Fprintf(&b, "| settled by tier 0 | %s | |\n| settled by tier 1 | %s | |\n| not decided | %s | |\n", percent(t.tier0, t.rows), percent(t.tier1, t.rows), percent(t.undecided, t.rows))
	fmt.Fprintf(&b, "| wrong by construction | %d | %d called equal, %d called unequal |\n", t.wrong, t.theirFalse, t.theirMissed)
	fmt.Fprintf(&b, "| disagreements on what tiers 0 and 1 decided: who is right | %d | %d |\n", t.ours, t.theirs)
	return b.String()
}

// qualityTable compares both over short pairs, by kind.
func qualityTable(rows []pairs.Pair, ours []maths.Decision, theirs verdicts) string {
	by := map[string][]int{}
	for i, p := range rows {
		by[p.Kind] = append(by[p.Kind], i)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| kind | pairs | decided (recall) | decided wrongly | math-verify %s: called equal, is not | called unequal, is equal |\n| --- | --- | --- | --- | --- | --- |\n", theirs.version)
	line := func(kind string, at []int) {
		some := verdicts{}
		var ps []pairs.Pair
		var ds []maths.Decision
		for _, i := range at {
			ps, ds, some.equal = append(ps, rows[i]), append(ds, ours[i]), append(some.equal, theirs.equal[i])
		}
		t := count(ps, ds, some)
		fmt.Fprintf(&b, "| %s | %d | %s | %d | %d | %d |\n", kind, t.rows, percent(t.right+t.wrong, t.rows), t.wrong, t.theirFalse, t.theirMissed)
	}
	all := make([]int, len(rows))
	for i := range all {
		all[i] = i
	}
	for _, kind := range pairs.Kinds() {
		line(kind, by[kind])
	}
	line("**all**", all)
	b.WriteString("\nSome of the disagreements; the truth is known by construction, and is on our side in all of them unless it says so:\n\n")
	b.WriteString("| gold | answer | tiers 0 and 1 | math-verify |\n| --- | --- | --- | --- |\n")
	shown := map[string]int{}
	n := 0
	for i, p := range rows {
		ok, known := right(p, ours[i])
		if !known || ok == (theirs.equal[i] == p.Equal) || n == examples || shown[p.Kind] > 0 && ok {
			continue
		}
		shown[p.Kind]++
		n++
		mark := ""
		if !ok {
			mark = ", and is wrong"
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s | %s |\n", code(p.Gold), code(p.Answer), called(p.Equal == ok), mark, called(theirs.equal[i]))
	}
	return b.String()
}

func called(equal bool) string {
	if equal {
		return "equal"
	}
	return "unequal"
}

// code writes an answer into a cell of a table.
func code(s string) string {
	if len(s) > 70 {
		s = s[:67] + "..."
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

// write puts blocks between the markers of a page.
func write(path string, blocks map[string]string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	page := string(raw)
	for name, block := range blocks {
		before, rest, ok := strings.Cut(page, "<!-- "+name+" -->\n")
		_, after, ok2 := strings.Cut(rest, "<!-- /"+name+" -->")
		if !ok || !ok2 {
			return fmt.Errorf("%s has no markers for %s", path, name)
		}
		page = before + "<!-- " + name + " -->\n" + block + "<!-- /" + name + " -->" + after
	}
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
