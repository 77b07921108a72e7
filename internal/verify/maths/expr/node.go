package expr

import (
	"errors"
	"math/big"
	"slices"
)

// Reading fails in one of three ways.
var (
	// ErrUnknown: not understood; somebody else may understand it.
	ErrUnknown = errors.New("not understood")
	// ErrAmbiguous: understood in more than one way, so nobody should decide.
	ErrAmbiguous = errors.New("more than one reading")
	// ErrLimit: too long, too deep or too large to be worked on.
	ErrLimit = errors.New("over a limit")
)

// Op is the kind of a node.
type Op uint8

// Expressions have a value; structures hold expressions.
const (
	Num     Op = iota // Val
	Sym               // Name
	Const             // Name: pi, e, i, inf
	Add               // Args
	Mul               // Args
	Div               // Args: numerator, denominator
	Neg               // Args: one
	Pow               // Args: base, exponent
	Root              // Args: radicand, degree
	Func              // Name, Args
	Fact              // Args: one
	Binom             // Args: n, k
	Abs               // Args: one
	Percent           // Args: one; a hundredth of it
	Degree            // Args: one; pi/180 of it
	PM                // Args: one or two; Name is "±" or "∓"

	Text     // Name: words
	Quantity // Args: value; Name: the unit as written
	Tuple    // (a, b, …), an open interval where there are two
	Bracket  // [a, b, …], a closed interval where there are two
	Angle    // ⟨a, b, …⟩
	HalfOpen // Args: two ends; Name is "(]" or "[)"
	Set      // {a, b, …}
	List     // a, b, …
	Union    // Args: sets
	Except   // Args: a set, and what is taken out of it
	Matrix   // Rows×Cols, Args row by row; Name: the brackets
	Rel      // Args with Ops between them
	Dots     // … in a list
	Ratio    // a : b
	Based    // Name: digits and base; Val
	Applied  // f(x): Name, Args
)

// Node is a part of an answer. Trees are not changed once they are read.
type Node struct {
	Op         Op
	Name       string
	Args       []*Node
	Val        *big.Rat
	Decimals   int      // of a Num: digits after the point, 0 for an integer
	Grouped    bool     // of a Num: written with separators between thousands
	Ops        []string // of a Rel: = ≠ < ≤ > ≥ ≈ ∈ ≡
	Rows, Cols int
	closed     bool  // in brackets of its own, so that nothing more joins it
	Alt        *Node // of a List such as 0,5: its reading as a decimal
	Unit       *Unit // of a Quantity
	Loose      bool  // of a List: "or" or "and" joins it, so that order means nothing
}

// Structure says that the node is no expression.
func (n *Node) Structure() bool { return n.Op >= Text }

// Has says whether f holds for the node or any below it.
func (n *Node) Has(f func(*Node) bool) bool {
	return f(n) || slices.ContainsFunc(n.Args, func(a *Node) bool { return a.Has(f) })
}

// Plain says that the node is a number as it is written: a literal, a fraction
// of literals, with a sign or a percent sign. Comparing such is no algebra.
func (n *Node) Plain() bool {
	switch n.Op {
	case Num:
		return true
	case Neg, Percent:
		return n.Args[0].Plain()
	case Div:
		return n.Args[0].Op == Num && n.Args[1].Op == Num
	case Add: // a mixed number
		return len(n.Args) == 2 && n.Grouped
	}
	return false
}

// Size is how many nodes a tree has.
func (n *Node) Size() int {
	size := 0
	n.Has(func(*Node) bool {
		size++
		return false
	})
	return size
}

// Symbols lists the variables of a tree, sorted.
func (n *Node) Symbols() []string {
	var names []string
	n.Has(func(m *Node) bool {
		if m.Op == Sym {
			names = append(names, m.Name)
		}
		return false
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// Number makes a literal.
func Number(r *big.Rat) *Node { return &Node{Op: Num, Val: r} }

// Integer makes a literal.
func Integer(i int64) *Node { return Number(new(big.Rat).SetInt64(i)) }

// Minus makes a - b.
func Minus(a, b *Node) *Node {
	return &Node{Op: Add, Args: []*Node{a, {Op: Neg, Args: []*Node{b}}}}
}

// Args0 is the first operand.
func (n *Node) Args0() *Node {
	if len(n.Args) == 0 {
		return n
	}
	return n.Args[0]
}

// Substitute gives the tree with f's node in place of each node for which f
// gives one.
func (n *Node) Substitute(f func(*Node) *Node) *Node {
	if m := f(n); m != nil {
		return m
	}
	if len(n.Args) == 0 {
		return n
	}
	out := *n
	out.Args = make([]*Node, len(n.Args))
	for i, a := range n.Args {
		out.Args[i] = a.Substitute(f)
	}
	return &out
}
