package tinyworld

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// Bounds of a game: its numbers are from leastNumber to a parameter of the
// address, and no number on the way to a target, nor the target, is above mostValue.
const (
	leastNumber    = 2
	defaultLargest = 9
	leastLargest   = 5
	mostLargest    = 19
	mostValue      = 99
)

// game is a problem of countdown: reach the target from all three numbers.
type game struct {
	numbers [3]int
	target  int
}

// attempt is one way to combine the three numbers: first two of them, then what
// they make with the third.
type attempt struct {
	first, second sum
	value         int
}

// answer is the attempt as one expression.
func (t attempt) answer() string {
	pair := fmt.Sprintf("(%d%c%d)", t.first.a, t.first.op, t.first.b)
	if t.second.a == t.first.value {
		return fmt.Sprintf("%s%c%d", pair, t.second.op, t.second.b)
	}
	return fmt.Sprintf("%d%c%s", t.second.a, t.second.op, pair)
}

// sum is one calculation.
type sum struct {
	a     int
	op    byte
	b     int
	value int
}

func (t sum) String() string { return fmt.Sprintf("%d%c%d=%d", t.a, t.op, t.b, t.value) }

// sums are the calculations with two numbers, the greater first, whose results are
// numbers of the game: neither zero nor negative, nor too great.
func sums(a, b int) []sum {
	a, b = max(a, b), min(a, b)
	all := []sum{{a, '+', b, a + b}, {a, '-', b, a - b}, {a, '*', b, a * b}}
	return slices.DeleteFunc(all, func(t sum) bool { return t.value < 1 || t.value > mostValue })
}

// attempts lists every way to combine the numbers, in a fixed order and each once.
func attempts(numbers [3]int) []attempt {
	var all []attempt
	add := func(t attempt) {
		if !slices.Contains(all, t) { // numbers may be equal
			all = append(all, t)
		}
	}
	for kept := range numbers {
		for _, one := range sums(numbers[(kept+1)%3], numbers[(kept+2)%3]) {
			for _, two := range sums(one.value, numbers[kept]) {
				add(attempt{one, two, two.value})
			}
		}
	}
	return all
}

// newGame draws numbers, and one of the targets that they reach.
func newGame(r *random, largest int) game {
	var g game
	for i := range g.numbers {
		g.numbers[i] = r.between(leastNumber, largest)
	}
	g.target = pick(r, targets(g.numbers))
	return g
}

// targets are the values that the numbers reach, in order.
func targets(numbers [3]int) []int {
	var values []int
	for _, t := range attempts(numbers) {
		values = append(values, t.value)
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// prompt asks for the game.
func (g game) prompt() string {
	return fmt.Sprintf("Make %d from %d %d %d", g.target, g.numbers[0], g.numbers[1], g.numbers[2])
}

// key is the game whatever the order of its numbers. It decides the split, so that
// no test game is a train game with its numbers moved.
func (g game) key() string {
	sorted := g.numbers
	slices.Sort(sorted[:])
	return fmt.Sprint(sorted, g.target)
}

func (g game) split() string {
	sum := sha256.Sum256([]byte(Countdown + "\n" + g.key()))
	if sum[31]%testShare == 0 {
		return Test
	}
	return Train
}

func (g game) id() string {
	sum := sha256.Sum256([]byte(Countdown + "\n" + g.prompt()))
	return hex.EncodeToString(sum[:8])
}

// gameRow is a problem row of countdown.
type gameRow struct {
	ID       string   `json:"id"`
	Domain   string   `json:"domain"`
	Prompt   string   `json:"prompt"`
	Verifier string   `json:"verifier"`
	Info     gameInfo `json:"verification_info"`
	Split    string   `json:"split"`
}

// gameInfo is what the verifier needs of a game; every number must be used.
type gameInfo struct {
	Numbers []int `json:"numbers"`
	Target  int   `json:"target"`
}

func (g game) row() gameRow {
	return gameRow{
		ID: g.id(), Domain: Countdown, Prompt: g.prompt(), Verifier: "countdown",
		Info: gameInfo{g.numbers[:], g.target}, Split: g.split(),
	}
}

// drawCountdown draws a game; the same numbers in another order are the same game.
func drawCountdown(a address, r *random) keyed {
	g := newGame(r, a.largest)
	return keyed{g.row(), g.key(), g.split()}
}

// countdownGames counts the games of an address.
func countdownGames(a address) int {
	total := 0
	for i := leastNumber; i <= a.largest; i++ {
		for j := i; j <= a.largest; j++ {
			for k := j; k <= a.largest; k++ {
				total += len(targets([3]int{i, j, k}))
			}
		}
	}
	return total
}

func countdownPrompts(a address) int { return 3 * countdownGames(a) } // most have six orders
