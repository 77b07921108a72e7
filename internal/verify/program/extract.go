package program

import (
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

// extract is the program of a response: the last closed, filled fenced block
// whose word is the language, or the only block where it has no word. It is
// looked for in the reply, behind the thinking; upstream looks everywhere.
func extract(text, language string, everywhere bool) (string, bool) {
	if !everywhere {
		parts := response.Split(text)
		if parts.Unfinished {
			return "", false
		}
		text = parts.Reply
	}
	blocks := fences(text)
	for i := len(blocks) - 1; i >= 0; i-- {
		if plainLanguage(blocks[i].word) == language {
			return blocks[i].code, true
		}
	}
	if len(blocks) == 1 && blocks[0].word == "" {
		return blocks[0].code, true
	}
	return "", false
}

// Block is a fenced program, in a language by its plain name; one without a name
// is Python.
type Block struct{ Language, Code string }

// Blocks are the fenced programs of a response, behind its thinking.
func Blocks(text string) []Block {
	parts := response.Split(text)
	if parts.Unfinished {
		return nil
	}
	var out []Block
	for _, f := range fences(parts.Reply) {
		language := plainLanguage(f.word)
		if language == "" {
			language = "python"
		}
		out = append(out, Block{language, f.code})
	}
	return out
}

type fence struct{ word, code string }

// fences are the closed blocks of a text that hold more than space. A fence is
// three or more backticks at the start of a line; as many close it.
func fences(text string) (out []fence) {
	var code strings.Builder
	var word, mark string // mark is the open fence
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		ticks := len(trimmed) - len(strings.TrimLeft(trimmed, "`"))
		info := strings.TrimSpace(trimmed[ticks:])
		switch {
		case ticks < 3 || strings.Contains(info, "`") || mark != "" && ticks < len(mark):
			code.WriteString(line)
		case mark != "" && info == "":
			if strings.TrimSpace(code.String()) != "" {
				out = append(out, fence{word: word, code: code.String()})
			}
			mark = ""
		default: // a block begins, whether or not the one before was closed
			mark = trimmed[:ticks]
			word, _, _ = strings.Cut(strings.ReplaceAll(info, "{", " "), " ")
			code.Reset()
		}
	}
	return out
}
