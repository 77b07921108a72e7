package behaviours

import "slices"

// Game is a problem of countdown: reach the target from the numbers.
type Game struct {
	Numbers []int64
	Target  int64
}

// play follows the calculations of a trace about a game. On top of the rules for
// sentences:
//
//   - an attempt is a run of calculations that spend each given number once at most,
//     and what they make; a calculation that needs a number already spent begins a new
//     attempt, and where it is new itself the solver has gone back. "Go back" or "that
//     does not work" before it are the same event. Doing the last attempt's first
//     calculations again is none, nor is what is calculated once the target was reached;
//   - a calculation with the target in it, which is not given, is reasoning backwards,
//     as is one whose result is said to be needed;
//   - a number that is to be made, and is not the target, is a subgoal.
//
// It cannot see attempts made in words (seven times three is …), takes a target that
// is also a given number for the given one, and believes results as they are written.
type play struct {
	Game
	left   []int64 // given numbers that the attempt has not spent
	made   []int64
	now    []calculation // of the attempt
	before []calculation // of the one before it

	told      bool // going back has been said, and nothing was calculated since
	announced bool // it has been said of this attempt
	again     bool // the attempt repeats the last one so far
	reached   bool // an attempt has made the target
}

// calculation is a row of numbers and signs, and its result.
type calculation struct {
	numbers [4]int64
	signs   [4]byte
	n       int
	result  int64
}

func newPlay(g Game) *play { return &play{Game: g, left: slices.Clone(g.Numbers)} }

// look is shown a sentence and the behaviours found in it, and returns them with
// those that the calculations show. Goings-back beyond one a sentence are counted at once.
func (p *play) look(sentence []token, found uint32, counts *Counts) uint32 {
	if found&wants != 0 && p.wantsOther(sentence) {
		found |= 1 << subgoals
	}
	if found&(1<<backtracking) != 0 {
		if p.told {
			found &^= 1 << backtracking
		}
		p.told, p.announced = true, true
	}
	for at := 0; at < len(sentence); {
		c, size := read(sentence[at:])
		if size == 0 {
			at++
			continue
		}
		if p.isBackward(c, sentence[at+size:]) {
			found |= 1 << backwardChaining
		} else if p.step(c) {
			counts.Shown[backtracking]++
		}
		at += size
	}
	return found
}

// isBackward says whether a calculation starts from the target: 24-3=21, or
// 24-3=21, so I need 21.
func (p *play) isBackward(c calculation, rest []token) bool {
	for i := 2; i < min(len(rest), 6) && rest[0].id == idComma; i++ {
		if rest[i].id == idNumber && rest[i].value == c.result {
			return rest[i-1].id >= idFirstWord && (slices.Contains(c.numbers[:c.n], p.Target) || !spends(c, p.Numbers, nil))
		}
	}
	return slices.Contains(c.numbers[:c.n], p.Target) && !slices.Contains(p.Numbers, p.Target) && !slices.Contains(p.made, p.Target)
}

// step takes a calculation into the attempt, and says whether with it the solver has
// gone back.
func (p *play) step(c calculation) (wentBack bool) {
	if !spends(c, p.left, p.made) {
		if !spends(c, p.Numbers, nil) {
			return false // numbers from nowhere: no attempt at this game
		}
		p.before, p.now = p.now, p.before[:0]
		p.left, p.made = append(p.left[:0], p.Numbers...), p.made[:0]
		p.again = len(p.before) > 0
	}
	p.take(c)
	if p.reached {
		return false // says again what it has found
	}
	p.reached = c.result == p.Target && len(p.left) == 0
	if p.again && !slices.Contains(p.before, c) {
		p.again = false
		wentBack = !p.announced
	}
	if p.told = false; !p.again {
		p.announced = false
	}
	return wentBack
}

// spends says whether the numbers of a calculation are all among those that are left,
// given or made.
func spends(c calculation, left, made []int64) bool {
	used := c.numbers[:c.n]
	for _, n := range used {
		if count(used, n) > count(left, n)+count(made, n) {
			return false
		}
	}
	return true
}

func count(in []int64, n int64) int {
	times := 0
	for _, v := range in {
		if v == n {
			times++
		}
	}
	return times
}

func (p *play) take(c calculation) {
	p.now = append(p.now, c)
	for _, n := range c.numbers[:c.n] {
		if i := slices.Index(p.made, n); i >= 0 {
			p.made = slices.Delete(p.made, i, i+1)
		} else if i := slices.Index(p.left, n); i >= 0 {
			p.left = slices.Delete(p.left, i, i+1)
		}
	}
	p.made = append(p.made, c.result)
}

// read reads a calculation such as (9-2)*3=21 from the beginning of some tokens.
func read(tokens []token) (c calculation, size int) {
	number := true // is what must come
	for i, t := range tokens {
		switch {
		case t.id == idBracket:
		case number && t.id == idNumber && t.value != notWhole && c.n < len(c.numbers):
			c.numbers[c.n] = t.value
			c.n++
			number = false
		case !number && t.id == idOperator && c.n < len(c.numbers):
			c.signs[c.n-1] = t.op
			number = true
		case !number && t.id == idEquals && c.n > 1 && i+1 < len(tokens) && tokens[i+1].id == idNumber && tokens[i+1].value != notWhole:
			c.result = tokens[i+1].value
			return c, i + 2
		default:
			return calculation{}, 0
		}
	}
	return calculation{}, 0
}

// wantsOther says whether the first number that a sentence wants is not the target.
// The sentence meets one of the rules of wants.
func (p *play) wantsOther(sentence []token) bool {
	for at, t := range sentence {
		if t.id == idNumber && at > 0 && sentence[at-1].id >= idFirstWord {
			return t.value != p.Target
		}
	}
	return false
}
