package expr

import "strings"

// String writes a tree in one way, so that equal trees have equal text.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	switch n.Op {
	case Num:
		b.WriteString(n.Val.RatString())
		return
	case Sym, Const:
		b.WriteString(n.Name)
		return
	}
	b.WriteByte("#ybc+*/-^rf!C|%dpTqtBahSLUEMR.:nA"[n.Op])
	b.WriteString(n.Name)
	if n.Op == Quantity {
		b.WriteString(n.Unit.String())
	}
	for _, op := range n.Ops {
		b.WriteString(op)
	}
	b.WriteByte('(')
	for i, a := range n.Args {
		if i > 0 {
			b.WriteByte(',')
		}
		a.write(b)
	}
	b.WriteByte(')')
	if n.Op == Matrix {
		b.WriteString(Integer(int64(n.Rows)).String())
	}
}

// String names the unit by its base dimensions.
func (u *Unit) String() string {
	var b strings.Builder
	b.WriteString(u.Factor.RatString())
	for _, d := range u.Dim {
		b.WriteByte(' ')
		b.WriteString(Integer(int64(d)).String())
	}
	b.WriteString(u.Words)
	return b.String()
}
