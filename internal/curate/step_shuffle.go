package curate

import (
	"cmp"
	"context"
)

// shuffle puts the rows in an order that is random by seed. It drops nothing.
//
// Memory: 24 bytes a row; rows wait in the spill file and are read at random.
type shuffle struct{ noParams }

func shuffleDef() StepDef {
	return StepDef{Name: "shuffle", Doc: "mix the rows, by seed", decode: decodeInto(shuffle{})}
}

func (shuffle) needs() []string { return nil }

func (shuffle) start(_ context.Context, env env) (any, error) {
	return &shuffled{random: env.random}, nil
}

type shuffled struct {
	random func(seq int64) uint64
	ranks  []uint64
}

func (*shuffled) note(*row) []byte { return nil }

func (s *shuffled) see(seq int64, _ []byte) error {
	s.ranks = append(s.ranks, s.random(seq))
	return nil
}

func (s *shuffled) decide() (func(i int) string, []int, error) {
	order := firstBy(len(s.ranks), func(a, b int) int { return cmp.Compare(s.ranks[a], s.ranks[b]) })
	return func(int) string { return "" }, order, nil
}
