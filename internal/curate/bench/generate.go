package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// world makes rows like those of a distillation: a prompt, a long thinking in
// paragraphs with formulas, and a short reply. Some have what filters look for.
type world struct {
	rnd       *rand.Rand
	vocab     []string
	sentences []string
}

func newWorld(seed uint64) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 1))}
	syllables := strings.Fields("ba co di fu ge hi jo ka lu me ni po qua re si tu va we xi yo za bra cle dri flo gra the ing er tion al ous ment ly ist")
	for range 6000 {
		n := 1 + w.rnd.IntN(4)
		word := ""
		for range n {
			word += syllables[w.rnd.IntN(len(syllables))]
		}
		w.vocab = append(w.vocab, word)
	}
	for range 60000 {
		w.sentences = append(w.sentences, w.sentence())
	}
	return w
}

// word has the long tail of words in prose.
func (w *world) word() string {
	const common = "the of to and a in is that we so it this for be as then x y n if with number sum are by from let can which"
	if w.rnd.IntN(100) < 42 {
		words := strings.Fields(common)
		return words[w.rnd.IntN(len(words))]
	}
	u := w.rnd.Float64()
	return w.vocab[int(u*u*float64(len(w.vocab)))]
}

// sentence has # where a number goes.
func (w *world) sentence() string {
	switch w.rnd.IntN(8) {
	case 0:
		return fmt.Sprintf(`So $\frac{#}{#} + %s^2 = # \cdot %s$, hence `, string(rune('a'+w.rnd.IntN(26))), string(rune('a'+w.rnd.IntN(26)))) + w.word() + " " + w.word() + " is #."
	case 1:
		return "Wait, " + w.word() + " " + w.word() + " again: # + # = #, " + w.word() + " " + w.word() + " " + w.word() + "."
	}
	var b strings.Builder
	for i := range 7 + w.rnd.IntN(14) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.word())
	}
	b.WriteString([]string{".", ".", ".", ", no?", " (#)."}[w.rnd.IntN(5)])
	return strings.ToUpper(b.String()[:1]) + b.String()[1:]
}

func (w *world) fill(b *strings.Builder, sentence string) {
	for {
		before, after, found := strings.Cut(sentence, "#")
		b.WriteString(before)
		if !found {
			return
		}
		fmt.Fprint(b, w.rnd.IntN(5000))
		sentence = after
	}
}

// trace is a thinking of about so many bytes.
func (w *world) trace(size int) string {
	var b strings.Builder
	for b.Len() < size {
		w.fill(&b, w.sentences[w.rnd.IntN(len(w.sentences))])
		if w.rnd.IntN(4) == 0 {
			b.WriteString("\n\n")
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func (w *world) question() string {
	var b strings.Builder
	for range 2 + w.rnd.IntN(4) {
		w.fill(&b, w.sentence())
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

const rowsFile = "rows.jsonl.zst"

// generated is a row.
type generated struct {
	ID       string         `json:"id"`
	Domain   string         `json:"domain"`
	Prompt   string         `json:"prompt"`
	Response string         `json:"response"`
	Gold     string         `json:"gold"`
	Tokens   int            `json:"tokens"`
	Finish   string         `json:"finish"`
	Sample   int            `json:"sample"`
	Origin   map[string]any `json:"origin"`
}

// generate writes rows.jsonl.zst and eval.jsonl, unless they are there. It gives the
// bytes of the rows.
func generate(dir string, rows, questions, size int) (bytes int64, err error) {
	const stamp = "made.json"
	made := struct {
		Rows, Questions, Size int
		Bytes                 int64
	}{rows, questions, size, 0}
	if raw, err := os.ReadFile(filepath.Join(dir, stamp)); err == nil {
		there := made
		if err := json.Unmarshal(raw, &there); err != nil {
			return 0, err
		}
		if made.Bytes = there.Bytes; there == made {
			return there.Bytes, nil
		}
	}
	w := newWorld(7)
	var bench []string
	_, err = writeLines(filepath.Join(dir, "eval.jsonl"), func(line func(any) error) error {
		for i := range questions {
			q := w.question()
			bench = append(bench, q)
			if err := line(map[string]any{"id": fmt.Sprint("q", i), "prompt": q, "gold": fmt.Sprint(w.rnd.IntN(1000))}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	made.Bytes, err = writeLines(filepath.Join(dir, rowsFile), func(line func(any) error) error {
		var old []generated
		for i := range rows {
			g := w.row(i, size, bench, old)
			if len(old) < 2000 {
				old = append(old, g)
			} else {
				old[w.rnd.IntN(len(old))] = g
			}
			if err := line(g); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	raw, err := json.Marshal(made)
	if err != nil {
		return 0, err
	}
	return made.Bytes, os.WriteFile(filepath.Join(dir, stamp), raw, 0o600)
}

// row is a new one, or one that a filter is for.
func (w *world) row(i, size int, bench []string, old []generated) generated {
	length := size/4 + int(w.rnd.ExpFloat64()*float64(size)*3/4)
	g := generated{
		ID: fmt.Sprint("row-", i), Domain: []string{"math", "math", "code", "science"}[w.rnd.IntN(4)], Prompt: w.question(), Gold: fmt.Sprint(w.rnd.IntN(1000)),
		Tokens: length / 4, Finish: "stop", Origin: map[string]any{"run": "bench", "stage": "samples", "sample": 0, "model_sha256": "0f3a"},
	}
	thinking := w.trace(min(length, 8*size))
	reply := "The answer is \\boxed{" + g.Gold + "}."
	g.Response = "<think>\n" + thinking + "\n</think>\n\n" + reply
	switch p := w.rnd.IntN(1000); {
	case p < 20:
		g.Response = "<think>\n" + thinking // cut
	case p < 50:
		g.Response = "<think>\n" + strings.Repeat(thinking[:len(thinking)/2]+"然后我们把这两个数加起来，得到结果。", 2) + "\n</think>\n\n" + reply
	case p < 80:
		g.Response = "<think>\n" + thinking + strings.Repeat("Wait, let me check this again. ", 400) + "\n</think>\n\n" + reply
	case p < 130 && len(old) > 0: // the same row
		id := g.ID
		g = old[w.rnd.IntN(len(old))]
		g.ID = id
	case p < 180 && len(old) > 0: // nearly the same
		id := g.ID
		g = old[w.rnd.IntN(len(old))]
		g.ID = id
		g.Response = strings.Replace(g.Response, " the ", " this very ", 5)
	case p < 195:
		g.Prompt = "Solve this: " + bench[w.rnd.IntN(len(bench))]
	case p < 205:
		g.Response = "<think>\n" + thinking + bench[w.rnd.IntN(len(bench))] + "\n</think>\n\n" + reply
	}
	return g
}

// writeLines writes JSON lines, compressed where the name ends in .zst, and gives
// their bytes.
func writeLines(path string, fill func(line func(any) error) error) (bytes int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	to := struct {
		io.Writer
		io.Closer
	}{f, f}
	if strings.HasSuffix(path, ".zst") {
		zw, err := zstd.NewWriter(f)
		if err != nil {
			return 0, err
		}
		to.Writer, to.Closer = zw, zw
	}
	buf := bufio.NewWriterSize(to, 1<<20)
	err = fill(func(v any) error {
		var line bytesOf
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return err
		}
		bytes += int64(len(line))
		_, err := buf.Write(line)
		return err
	})
	return bytes, errors.Join(err, buf.Flush(), to.Close())
}

type bytesOf []byte

func (b *bytesOf) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// head writes the first lines of a compressed file.
func head(from, to string, lines int) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	zr, err := zstd.NewReader(in)
	if err != nil {
		return err
	}
	defer zr.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	br, bw := bufio.NewReaderSize(zr, 1<<20), bufio.NewWriterSize(out, 1<<20)
	for range lines {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			_, err = bw.Write(line)
		}
		if err != nil {
			return err
		}
	}
	return bw.Flush()
}
