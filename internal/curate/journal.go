package curate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Journal keeps what a run found out about shards of its rows, so that the next
// try of a run that was killed does not work on them again. A shard is kept whole
// or not at all. What it holds is checked when it is read: a journal of other
// params, other rows or another Job.Build costs time and changes nothing.
type Journal interface {
	// Load gives a shard, nil where there is none.
	Load(ctx context.Context, name string) ([]byte, error)
	// Save keeps a shard, in place of one of the name that is there.
	Save(ctx context.Context, name string, data []byte) error
}

// shardBatches is how many batches make a shard: at most 8,192 rows, about 32 MB
// of them. A run that has fewer rows never asks for one and never keeps one.
const shardBatches = 32

// journalVersion is that of the encoding of shards.
const journalVersion = 1

// shards is the journal of one flow. Its reader and its taker have a part each.
type shards struct {
	journal  Journal
	name     string                   // of the flow
	size     int                      // batches in a shard
	identity func() [sha256.Size]byte // of what findings depend on besides the rows

	missing bool     // reader: no further shard is there
	current [][]byte // reader: the records of the batches of the shard it is in

	kept  []byte // taker: the shard it is in
	fresh bool   // taker: with something that the journal does not have
	save  errgroup.Group
}

// shards is the journal of a flow of that name; nil: there is none.
func (pl *pipeline) shards(name string) *shards {
	if pl.job.Journal == nil {
		return nil
	}
	compared := pl.compared.Sum(nil)
	size := pl.job.shard
	if size == 0 {
		size = shardBatches
	}
	return &shards{journal: pl.job.Journal, name: name, size: size, identity: sync.OnceValue(func() (sum [sha256.Size]byte) {
		h := sha256.New()
		for _, part := range []string{string(pl.job.Params), pl.job.Build(), name, string(compared)} {
			digestText(h, part)
		}
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(pl.job.Seed)))
		h.Write([]byte{journalVersion})
		h.Sum(sum[:0])
		return sum
	})}
}

func (s *shards) shard(batch int) string { return fmt.Sprintf("%s-%06d", s.name, batch/s.size) }

// record is what the journal has of a batch, in the order of the batches.
func (s *shards) record(ctx context.Context, batch int) ([]byte, error) {
	if batch%s.size == 0 {
		s.current = nil
		if s.missing {
			return nil, nil
		}
		data, err := s.journal.Load(ctx, s.shard(batch))
		if err != nil {
			return nil, fmt.Errorf("read the shard %s of an earlier try: %w", s.shard(batch), err)
		}
		if s.current = s.open(data); s.current == nil {
			s.missing = true
		}
	}
	if i := batch % s.size; i < len(s.current) {
		return s.current[i], nil
	}
	return nil, nil
}

// take adds a batch to the shard, and keeps the shard when it is full. One is
// kept while the next is worked on.
func (s *shards) take(ctx context.Context, batch int, record []byte, fresh bool) error {
	s.kept = append(binary.AppendUvarint(s.kept, uint64(len(record))), record...)
	s.fresh = s.fresh || fresh
	if batch%s.size != s.size-1 {
		return nil
	}
	kept, name, fresh := s.kept, s.shard(batch), s.fresh
	s.kept, s.fresh = nil, false
	if !fresh {
		return nil
	}
	if err := s.save.Wait(); err != nil {
		return err
	}
	s.save = errgroup.Group{}
	s.save.Go(func() error {
		id := s.identity()
		data := append(id[:], kept...)
		sum := sha256.Sum256(data)
		if err := s.journal.Save(ctx, name, append(data, sum[:]...)); err != nil {
			return fmt.Errorf("keep the shard %s: %w", name, err)
		}
		return nil
	})
	return nil
}

// end waits until the last shard is kept.
func (s *shards) end() error { return s.save.Wait() }

// open gives the records of a shard, or nil where it is damaged or of another run.
func (s *shards) open(data []byte) (records [][]byte) {
	if len(data) < 2*sha256.Size {
		return nil
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	id := s.identity()
	if want := sha256.Sum256(body); !bytes.Equal(want[:], sum) || !bytes.Equal(body[:sha256.Size], id[:]) {
		return nil
	}
	r := recordReader{left: body[sha256.Size:]}
	for len(r.left) > 0 && !r.bad {
		records = append(records, r.bytes())
	}
	if r.bad {
		return nil
	}
	return records
}

// digest is that of the rows of a batch as they were read, and of where.
func digest(in []input) (sum [sha256.Size]byte) {
	h := sha256.New()
	var source, file string
	for i := range in {
		at := &in[i].at
		if i == 0 || at.source != source || at.file != file {
			source, file = at.source, at.file
			digestText(h, source)
			digestText(h, file)
		}
		head := binary.AppendUvarint(nil, uint64(in[i].seq))
		head = binary.AppendUvarint(head, uint64(at.line))
		head = binary.AppendUvarint(head, uint64(len(in[i].line.Raw)))
		h.Write(head)
		h.Write(in[i].line.Raw)
		if how := in[i].line.how; in[i].line.problem != "" || how != nil {
			digestText(h, in[i].line.problem)
			if how != nil {
				h.Write(encode([]any{how.columns, how.fixed}))
			}
		}
	}
	h.Sum(sum[:0])
	return sum
}

// digestText writes to a digest, which cannot fail.
func digestText(h io.Writer, text string) {
	_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(text))))
	_, _ = h.Write([]byte(text))
}
